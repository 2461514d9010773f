/** The loss of a batch: classes, pairs, views of one picture, and teachers. */
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { supervisedContrastive } from '../losses/contrastive.js'
import { smoothedTargets, softCrossEntropy } from '../losses/cross-entropy.js'
import { defaultLinks, type Links, linkedPairs } from '../losses/linked-pairs.js'
import { pairContrastive } from '../losses/pair-contrastive.js'
import { type Mix, mixedRows } from './mix.js'
import { defaultDistillation, type LossSettings } from './settings.js'
import type { Taught } from './teachers.js'

/** What is known about the rows of a batch. */
export interface BatchTruth {
  /** Class index of each row. */
  classes: readonly number[]
  /** The picture shown by each row; rows with the same number are views or copies of the same picture. */
  images?: readonly number[]
  /** Mixed rows show two pictures and train the classes only. */
  mix?: Mix | null
  taught?: Taught | null
  /** Human judgements on pairs of these rows. */
  links?: Links | undefined
}

/**
 * Weighted sum of the applicable terms.
 * @param tail computes the class logits
 * @param maps [N, H, W, C], the input of `tail`
 */
export function batchLoss(tail: LayersModel, maps: tf.Tensor, truth: BatchTruth, settings: LossSettings): tf.Scalar {
  const { images, mix = null, taught = null } = truth
  const { instance, distillation = defaultDistillation, detachedClassifier } = settings
  const [embedding, attached, views] = tail.apply(maps, { training: true }) as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D?]
  const logits =
    detachedClassifier === true ? (tail.getLayer('logits').apply(withoutGradient(embedding)) as tf.Tensor2D) : attached

  const terms = labelTerms(embedding, logits, truth, settings)
  if (taught !== null) {
    const own = tf.mul(tf.addN(terms.splice(0)), 1 - distillation.share)
    terms.push(own, tf.mul(distance(embedding, logits, taught, distillation.similarity), distillation.share))
  }
  if (mix === null && views !== undefined && images !== undefined && instance !== undefined && instance.weight > 0) {
    const pictures = tf.tensor1d([...images], 'int32')
    terms.push(tf.mul(supervisedContrastive(views, pictures, instance.temperature), instance.weight))
  }
  return tf.addN(terms) as tf.Scalar
}

/** Against labels and judgements; pairs of mixed pictures say nothing. */
function labelTerms(
  embedding: tf.Tensor2D,
  logits: tf.Tensor2D,
  { classes, mix = null, links }: BatchTruth,
  { labelSmoothing, contrastive, pairs, linked = defaultLinks }: LossSettings,
): tf.Tensor[] {
  const labels = tf.tensor1d([...classes], 'int32')
  const targets = smoothedTargets(labels, logits.shape[1], labelSmoothing)
  if (mix !== null) return [softCrossEntropy(logits, mixedRows(targets, mix))]
  const terms: tf.Tensor[] = [softCrossEntropy(logits, targets)]
  if (contrastive.weight > 0)
    terms.push(tf.mul(supervisedContrastive(embedding, labels, contrastive.temperature), contrastive.weight))
  if (pairs !== undefined) terms.push(tf.mul(pairContrastive(embedding, labels, pairs), pairs.weight))
  if (links !== undefined) terms.push(tf.mul(linkedPairs(embedding, links, linked.margin), linked.weight))
  return terms
}

/** Cross-entropy with the teachers' posterior, plus the weighted mean squared difference of the two cosine matrices. */
function distance(
  embedding: tf.Tensor2D,
  logits: tf.Tensor2D,
  { posterior, similarity }: Taught,
  weight: number,
): tf.Tensor {
  const difference = tf.sub(tf.matMul(embedding, embedding, false, true), similarity)
  return tf.add(softCrossEntropy(logits, posterior), tf.mul(tf.mean(tf.square(difference)), weight))
}

const withoutGradient = (x: tf.Tensor2D): tf.Tensor2D =>
  tf.customGrad((value) => ({ value: tf.clone(value as tf.Tensor), gradFunc: (dy: tf.Tensor) => tf.zerosLike(dy) }))(
    x,
  ) as tf.Tensor2D
