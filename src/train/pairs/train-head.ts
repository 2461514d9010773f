/** One head on frozen features, judged on the pictures of `features.val`: the experiment that a row of the table is. */
import * as tf from '@tensorflow/tfjs-core'
import { input, model as layersModel } from '@tensorflow/tfjs-layers'
import { evaluatePairs, type PairQuality } from '../../eval/pairs.js'
import { evaluateRetrieval, type QualityNumbers } from '../../eval/quality.js'
import { seededRandom } from '../../eval/random.js'
import type { LossSettings } from '../fine-tuning/settings.js'
import { tailStep } from '../fine-tuning/steps.js'
import { choosePosterior, joined, type PosteriorSettings } from '../models/posterior.js'
import { retrievalHead } from '../models/retrieval-head.js'
import { trainableLayersOf } from '../models/staged-network.js'
import { AdamW } from '../optimizer/adamw.js'
import { learningRateAt } from '../optimizer/schedule.js'
import { classBalancedBatches, type BatchShape } from '../samplers/class-balanced.js'
import type { TrainingData } from '../training-data.js'
import type { FrozenFeatures } from './frozen-features.js'

export interface HeadSettings {
  losses: LossSettings
  batch: BatchShape
  epochs: number
  peakRate: number
  seed: number
  /** Puts the posterior beside the embedding: with these settings, or with those that are best on the judged pictures. */
  posterior?: PosteriorSettings | 'choose'
}

export interface JudgedHead {
  overall: QualityNumbers
  pairs: PairQuality | null
  /** That was used. */
  posterior?: PosteriorSettings
}

const embeddingDimension = 512

export function trainHead(features: FrozenFeatures, data: TrainingData, { losses, batch, epochs, peakRate, seed, posterior: wanted }: HeadSettings): JudgedHead {
  const map = input({ shape: features.train.shape.slice(1) })
  const head = layersModel({ inputs: map, outputs: retrievalHead({ pooling: 'average', embeddingDimension, scale: 8, classes: data.labels.length, seed })(map) })
  const variables = trainableLayersOf(head).flatMap((layer) => layer.variables)
  const optimizer = new AdamW(variables, { beta2: 0.999, epsilon: 1e-8, weightDecay: 0.05 })
  const plan = Array.from({ length: epochs }, (_, epoch) => classBalancedBatches(data.classOf, batch, seededRandom(seed * 1000 + epoch))).flat()
  for (const [step, members] of plan.entries()) {
    const rows = tf.tidy(() => tf.gather(features.train, tf.tensor1d(members, 'int32')))
    const { gradients } = tailStep(head, rows, members.map((member) => data.classOf[member]!), variables, losses)
    optimizer.apply(gradients, learningRateAt(step, { peak: peakRate, warmupSteps: Math.round(plan.length / 10), totalSteps: plan.length }))
    tf.dispose([rows, ...Object.values(gradients)])
  }
  const [embedding, logits] = tf.tidy(() => head.apply(features.val, { training: false }) as [tf.Tensor, tf.Tensor])
  const chosen = data.val.map((index) => data.pictures[index]!)
  const embedded = { ids: chosen.map(({ id }) => id), labels: chosen.map(({ label }) => label), groups: chosen.map(({ group }) => group), embeddings: embedding.dataSync() as Float32Array, dimension: embeddingDimension, logits: logits.dataSync() as Float32Array }
  tf.dispose([embedding, logits])
  optimizer.dispose()
  head.dispose()
  const posterior = wanted === 'choose' ? choosePosterior(embedded) : wanted
  const rows = posterior === undefined ? embedded : joined(embedded, posterior)
  return { overall: evaluateRetrieval(rows, rows, { bootstrapSamples: 0 }).overall, pairs: evaluatePairs(rows), ...(posterior && { posterior }) }
}
