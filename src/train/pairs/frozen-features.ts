/** Pooled features of the starting network for a data set, in memory: a head alone trains on them in seconds. */
import * as tf from '@tensorflow/tfjs-core'
import { model as layersModel } from '@tensorflow/tfjs-layers'
import type { CachedMaps } from '../fine-tuning/cached-maps.js'
import type { StagedNetwork } from '../models/staged-network.js'
import type { TrainingData } from '../training-data.js'

export interface FrozenFeatures {
  /** [pictures, 1, 1, C] in the order of `data.train` and `data.val`. */
  train: tf.Tensor4D
  val: tf.Tensor4D
  /** Other views of train: the mirrored serving view, then random crops, each also mirrored. */
  trainViews: tf.Tensor4D[]
}

const batchSize = 60

interface FrozenFeaturesOptions {
  network: StagedNetwork
  data: TrainingData
  maps: CachedMaps
  /** Views per train picture in the maps. */
  views: number
  log: (line: string) => void
}

export async function frozenFeatures({
  network: { tail },
  data,
  maps,
  views,
  log,
}: FrozenFeaturesOptions): Promise<FrozenFeatures> {
  // the pooling layer first serves the whole network, then the tail
  const pooled = layersModel({ inputs: tail.inputs, outputs: tail.getLayer('pooled').getOutputAt(1) as never })
  const all = async (
    count: number,
    read: (start: number, size: number) => Promise<tf.Tensor4D>,
  ): Promise<tf.Tensor4D> => {
    const parts: tf.Tensor2D[] = []
    for (let start = 0; start < count; start += batchSize) {
      const input = await read(start, Math.min(batchSize, count - start))
      parts.push(tf.tidy(() => pooled.apply(input, { training: false }) as tf.Tensor2D))
      input.dispose()
    }
    log(`features of ${count} pictures`)
    const features = tf.concat(parts)
    tf.dispose(parts)
    return tf.reshape(features, [count, 1, 1, -1])
  }
  const train = (view: number, mirrored: boolean) =>
    all(data.train.length, (start, size) =>
      maps.batch(Array.from({ length: size }, (_, offset) => ({ member: start + offset, view, mirrored }))),
    )
  const trainViews: tf.Tensor4D[] = []
  for (let view = 0; view < views; view++)
    for (const mirrored of [false, true]) trainViews.push(await train(view, mirrored))
  return {
    train: trainViews.shift()!,
    trainViews,
    val: await all(data.val.length, (start, size) => maps.val(start, size)),
  }
}
