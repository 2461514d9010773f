/** The quality numbers that select an epoch: on val, protocol A. The test part is never read here. */
import * as tf from '@tensorflow/tfjs-core'
import { evaluateClassification } from '../../eval/classification.js'
import { evaluateRetrieval } from '../../eval/quality.js'
import type { EpochRecord } from '../checkpoint.js'
import { type EmbeddedImages, embedImages } from '../embed-images.js'
import type { ImageLoader } from '../loader/image-loader.js'
import type { StagedNetwork } from '../models/staged-network.js'
import type { TrainingData } from '../training-data.js'
import type { CachedMaps } from './cached-maps.js'

const batchSize = 60

/** @param maps cached maps of val, valid while the trunk has its starting weights; null runs the whole network */
export async function judgeOnVal(
  network: StagedNetwork,
  data: TrainingData,
  loader: ImageLoader,
  maps: CachedMaps | null,
): Promise<EpochRecord['val']> {
  const embedded =
    maps === null ? await embedImages(network, loader, data.images, data.val) : await embedMaps(network, data, maps)
  const { overall } = evaluateRetrieval(embedded, embedded, { bootstrapSamples: 0 })
  const { accuracy } = evaluateClassification(embedded.logits, embedded.labels, data.labels, { bootstrapSamples: 0 })
  return {
    mAP10: overall['mAP@10'] ?? null,
    accuracy,
    mAP1: overall['mAP@1'] ?? null,
    mAP50: overall['mAP@50'] ?? null,
    normalisedMeanRank: overall.normalisedMeanRank,
  }
}

async function embedMaps(
  { tail, embeddingDimension: dimension, labels }: StagedNetwork,
  { images, val }: TrainingData,
  maps: CachedMaps,
): Promise<EmbeddedImages> {
  const embeddings = new Float32Array(val.length * dimension)
  const logits = new Float32Array(val.length * labels.length)
  for (let start = 0; start < val.length; start += batchSize) {
    const input = await maps.val(start, Math.min(batchSize, val.length - start))
    const outputs = tf.tidy(() => tail.apply(input, { training: false }) as [tf.Tensor, tf.Tensor])
    embeddings.set(outputs[0].dataSync() as Float32Array, start * dimension)
    logits.set(outputs[1].dataSync() as Float32Array, start * labels.length)
    tf.dispose([input, ...outputs])
  }
  const chosen = val.map((index) => images[index]!)
  return {
    ids: chosen.map(({ id }) => id),
    labels: chosen.map(({ label }) => label),
    groups: chosen.map(({ group }) => group),
    embeddings,
    dimension,
    logits,
  }
}
