/** Runs a network over a part of the data set, on the pixel path of serving, and judges the result. */
import * as tf from '@tensorflow/tfjs-core'
import type { SplitPicture } from '../datasets/split.js'
import type { LabelledEmbeddings } from '../eval/ranking.js'
import { normalised } from './loader/normalise.js'
import type { PictureLoader } from './loader/picture-loader.js'
import { forward, type TrainableNetwork } from './models/network.js'

/** Rows in the order of `pictures`. */
export interface EmbeddedPictures extends LabelledEmbeddings {
  /** [n, C] */
  logits: Float32Array
}

const batchSize = 60

/** @param indices of the loader's pictures */
export async function embedPictures(network: TrainableNetwork, loader: PictureLoader, pictures: readonly SplitPicture[], indices: readonly number[]): Promise<EmbeddedPictures> {
  const { preprocessing, embeddingDimension: dimension, labels } = network
  const embeddings = new Float32Array(indices.length * dimension)
  const logits = new Float32Array(indices.length * labels.length)
  const requests = Array.from({ length: Math.ceil(indices.length / batchSize) }, (_, batch) => ({
    pictures: indices.slice(batch * batchSize, (batch + 1) * batchSize),
    preprocessing,
  }))
  let done = 0
  for await (const pixels of loader.stream(requests)) {
    const outputs = tf.tidy(() => forward(network, normalised(pixels, preprocessing.inputSize, preprocessing), false))
    embeddings.set(await outputs[0].data(), done * dimension)
    logits.set(await outputs[1].data(), done * labels.length)
    done += outputs[0].shape[0]
    tf.dispose(outputs)
  }
  const chosen = indices.map((index) => pictures[index]!)
  return { ids: chosen.map(({ id }) => id), labels: chosen.map(({ label }) => label), groups: chosen.map(({ group }) => group), embeddings, dimension, logits }
}
