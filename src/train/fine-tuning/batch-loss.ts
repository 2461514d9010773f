/** What a batch's outputs cost: classes, pairs, views of one picture, and what teachers say. */
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { supervisedContrastive } from '../losses/contrastive.js'
import { smoothedTargets, softCrossEntropy } from '../losses/cross-entropy.js'
import { defaultLinks, type Links, linkedPairs } from '../losses/linked-pairs.js'
import { pairContrastive } from '../losses/pair-contrastive.js'
import type { Mix } from './mix.js'
import { defaultDistillation, type LossSettings } from './settings.js'
import type { Taught } from './teachers.js'

/** What is known of the rows of a batch. */
export interface BatchTruth {
  /** Index of each row's label. */
  classes: readonly number[]
  /** Which picture each row shows; two rows of one number are two views of it. */
  images?: readonly number[]
  /** Mixed rows show two pictures: only classes are learned from them. */
  mix?: Mix | null
  taught?: Taught | null
  /** What people said of pairs of these rows. */
  links?: Links | undefined
}

/** Weighted sum of the terms that apply. @param tail from which classes are told @param maps [N, H, W, C], what it takes */
export function batchLoss(
  tail: LayersModel,
  maps: tf.Tensor,
  { classes, images, mix = null, taught = null, links }: BatchTruth,
  settings: LossSettings,
): tf.Scalar {
  const {
    labelSmoothing,
    contrastive,
    pairs,
    instance,
    linked = defaultLinks,
    distillation = defaultDistillation,
    detachedClassifier,
  } = settings
  const [embedding, attached, views] = tail.apply(maps, { training: true }) as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D?]
  const logits =
    detachedClassifier === true ? (tail.getLayer('logits').apply(withoutGradient(embedding)) as tf.Tensor2D) : attached
  const labels = tf.tensor1d([...classes], 'int32')

  // what the labels say
  const targets = smoothedTargets(labels, logits.shape[1], labelSmoothing)
  const own: tf.Tensor[] = [softCrossEntropy(logits, mix === null ? targets : mixedTargets(targets, mix))]
  if (mix === null) {
    if (contrastive.weight > 0)
      own.push(tf.mul(supervisedContrastive(embedding, labels, contrastive.temperature), contrastive.weight))
    if (pairs !== undefined) own.push(tf.mul(pairContrastive(embedding, labels, pairs), pairs.weight))
    if (links !== undefined) own.push(tf.mul(linkedPairs(embedding, links, linked.margin), linked.weight))
  }

  // what teachers say, and what tells a picture from all others
  const terms =
    taught === null
      ? own
      : [
          tf.mul(tf.addN(own), 1 - distillation.share),
          tf.mul(distance(embedding, logits, taught, distillation.similarity), distillation.share),
        ]
  if (mix === null && views !== undefined && images !== undefined && instance !== undefined && instance.weight > 0) {
    terms.push(
      tf.mul(supervisedContrastive(views, tf.tensor1d([...images], 'int32'), instance.temperature), instance.weight),
    )
  }
  return tf.addN(terms) as tf.Scalar
}

function mixedTargets(targets: tf.Tensor2D, { partners, share }: Mix): tf.Tensor2D {
  return tf.add(
    tf.mul(targets, share),
    tf.mul(tf.gather(targets, tf.tensor1d(partners, 'int32')), 1 - share),
  ) as tf.Tensor2D
}

/** Cross-entropy to the teachers' posterior, plus the weighted mean square between the two matrices of cosines. */
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
