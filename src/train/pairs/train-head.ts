/** Trains one head on frozen features and evaluates it on the pictures of `features.val`: one row of the table. */
import * as tf from '@tensorflow/tfjs-core'
import { input, type LayersModel, model as layersModel } from '@tensorflow/tfjs-layers'
import { evaluatePairs, type PairQuality } from '../../eval/pairs.js'
import { evaluateRetrieval, type QualityNumbers } from '../../eval/quality.js'
import { seededRandom } from '../../eval/random.js'
import type { LabelledEmbeddings } from '../../eval/ranking.js'
import type { LossSettings } from '../fine-tuning/settings.js'
import { tailStep } from '../fine-tuning/steps.js'
import { choosePosterior } from '../models/join-choice.js'
import { joinedRows, type PosteriorSettings } from '../models/joined-embedding.js'
import { retrievalHead } from '../models/retrieval-head.js'
import { trainableLayersOf } from '../models/staged-network.js'
import { AdamW } from '../optimizer/adamw.js'
import { learningRateAt } from '../optimizer/schedule.js'
import { type BatchShape, classBalancedBatches } from '../samplers/class-balanced.js'
import type { TrainingData } from '../training-data.js'
import { distillationGradients, teacherOf } from './distil.js'
import type { FrozenFeatures } from './frozen-features.js'

export interface HeadSettings {
  losses: LossSettings
  batch: BatchShape
  epochs: number
  peakRate: number
  seed: number
  /** Joins the posterior to the embedding: with these settings, or with the best ones on the evaluated pictures. */
  posterior?: PosteriorSettings | 'choose'
  /**
   * A first head distils the mean embedding of all views into a second one with this weight; the second is evaluated.
   */
  distillation?: number
}

export interface JudgedHead {
  /** Every picture of `features.val` queries the others: protocol A, or C if its classes were held out. */
  overall: QualityNumbers
  /** Every picture of `features.val` queries the training pictures: protocol B; null if they share no class. */
  againstTrain: QualityNumbers | null
  pairs: PairQuality | null
  /** The settings used. */
  posterior?: PosteriorSettings
}

const embeddingDimension = 512

export function trainHead(features: FrozenFeatures, data: TrainingData, settings: HeadSettings): JudgedHead {
  const { distillation, posterior: wanted } = settings
  let head = fitHead(features, data, settings)
  if (distillation !== undefined) {
    const targets = teacherOf(head, [features.train, ...features.trainViews])
    head.dispose()
    head = fitHead(features, data, settings, { targets, weight: distillation })
    targets.dispose()
  }
  const embedded = embeddedBy(head, features.val, data.val, data)
  const trainedOn = embeddedBy(head, features.train, data.train, data)
  head.dispose()
  const posterior = wanted === 'choose' ? choosePosterior(embedded) : wanted
  const joined = (part: typeof embedded) =>
    posterior === undefined ? part : joinedRows(part, { posterior, instanceShare: 0 })
  const [rows, gallery] = [joined(embedded), joined(trainedOn)]
  const sharesClass = gallery.labels.some((label) => rows.labels.includes(label))
  const overall = (queries: LabelledEmbeddings, stored: LabelledEmbeddings) =>
    evaluateRetrieval(queries, stored, { bootstrapSamples: 0 }).overall
  return {
    overall: overall(rows, rows),
    againstTrain: sharesClass ? overall(rows, gallery) : null,
    pairs: evaluatePairs(rows),
    ...(posterior && { posterior }),
  }
}

function fitHead(
  features: FrozenFeatures,
  data: TrainingData,
  { losses, batch, epochs, peakRate, seed }: HeadSettings,
  teacher?: { targets: tf.Tensor2D; weight: number },
): LayersModel {
  const map = input({ shape: features.train.shape.slice(1) })
  const head = layersModel({
    inputs: map,
    outputs: retrievalHead({
      pooling: 'average',
      embeddingDimension,
      scale: 8,
      instanceDimension: 0,
      classes: data.labels.length,
      seed,
    })(map, map),
  })
  const variables = trainableLayersOf(head).flatMap((layer) => layer.variables)
  const optimizer = new AdamW(variables, { beta2: 0.999, epsilon: 1e-8, weightDecay: 0.05 })
  const plan = Array.from({ length: epochs }, (_, epoch) =>
    classBalancedBatches(data.classOf, batch, seededRandom(seed * 1000 + epoch)),
  ).flat()
  for (const [step, members] of plan.entries()) {
    tf.tidy(() => {
      const chosen = tf.tensor1d(members, 'int32')
      const rows = tf.gather(features.train, chosen)
      const classes = members.map((member) => data.classOf[member]!)
      const { gradients } = tailStep(head, rows, { classes }, { variables, losses })
      const drawn = teacher && distillationGradients(head, rows, tf.gather(teacher.targets, chosen), variables)
      const sum = drawn === undefined ? gradients : added(gradients, drawn, teacher!.weight)
      optimizer.apply(
        sum,
        learningRateAt(step, { peak: peakRate, warmupSteps: Math.round(plan.length / 10), totalSteps: plan.length }),
      )
    })
  }
  optimizer.dispose()
  return head
}

/** A gradient that only one of the losses has is kept as it is. */
function added(gradients: tf.NamedTensorMap, others: tf.NamedTensorMap, weight: number): tf.NamedTensorMap {
  return Object.fromEntries(
    Object.entries(gradients).map(([name, gradient]) => [
      name,
      others[name] ? tf.add(gradient, tf.mul(others[name], weight)) : gradient,
    ]),
  )
}

function embeddedBy(
  head: LayersModel,
  features: tf.Tensor4D,
  indices: readonly number[],
  { images }: TrainingData,
): LabelledEmbeddings & { logits: Float32Array } {
  const [embedding, logits] = tf.tidy(() => head.apply(features, { training: false }) as [tf.Tensor, tf.Tensor])
  const chosen = indices.map((index) => images[index]!)
  const rows = {
    ids: chosen.map(({ id }) => id),
    labels: chosen.map(({ label }) => label),
    groups: chosen.map(({ group }) => group),
    embeddings: embedding.dataSync() as Float32Array,
    dimension: embeddingDimension,
    logits: logits.dataSync() as Float32Array,
  }
  tf.dispose([embedding, logits])
  return rows
}
