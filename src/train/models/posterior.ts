/**
 * What the classifier says, inside the embedding. Ranking by class posterior is good deep in the list, but knows no
 * new classes; cosine of the embedding is good at its top. Side by side in one unit vector both count, and search
 * stays a dot product: √(1−w)·e beside √w·√p gives (1−w)·cos(e, e′) + w·Σ√(p·p′), as √p has unit length.
 */
import * as tf from '@tensorflow/tfjs-core'
import { layers, model as layersModel, type Shape, type SymbolicTensor } from '@tensorflow/tfjs-layers'
import { evaluateRetrieval } from '../../eval/quality.js'
import type { LabelledEmbeddings } from '../../eval/ranking.js'
import type { TrainableNetwork } from './network.js'

type LayerArgs = NonNullable<ConstructorParameters<typeof layers.Layer>[0]>

export interface PosteriorSettings {
  /** w, 0 to 1: weight of the posterior in the score. */
  share: number
  /** Factor on the logits before the softmax; under 1 the posterior is flatter than the classifier's own. */
  sharpness: number
}

const shares = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
const sharpnesses = [0.25, 0.5, 1, 1.5]

/** [embedding [N, D], logits [N, C]] → [N, D + C] of unit length. No weights. */
export class EmbeddingWithPosterior extends layers.Layer {
  static className = 'EmbeddingWithPosterior'
  readonly share: number
  readonly sharpness: number

  constructor(args: LayerArgs & PosteriorSettings) {
    super(args)
    this.share = args.share
    this.sharpness = args.sharpness
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    const [embedding, logits] = inputShape as [Shape, Shape]
    return [embedding[0]!, embedding[1]! + logits[1]!]
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const [embedding, logits] = inputs as [tf.Tensor2D, tf.Tensor2D]
      const roots = tf.sqrt(tf.softmax(tf.mul(logits, this.sharpness)))
      return tf.concat([tf.mul(embedding, Math.sqrt(1 - this.share)), tf.mul(roots, Math.sqrt(this.share))], 1)
    })
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), share: this.share, sharpness: this.sharpness }
  }
}

tf.serialization.registerClass(EmbeddingWithPosterior)

/** The settings of the best mAP@10. @param val validation pictures with logits [n, C]; none of them trained on */
export function choosePosterior(val: LabelledEmbeddings & { logits: Float32Array }): PosteriorSettings & { mAP10: number } {
  const tried = shares.flatMap((share) => (share === 0 ? [1] : sharpnesses).map((sharpness) => ({ share, sharpness })))
  const scored = tried.map((settings) => {
    const rows = joined(val, settings)
    return { ...settings, mAP10: evaluateRetrieval(rows, rows, { bootstrapSamples: 0 }).overall['mAP@10'] ?? 0 }
  })
  return scored.reduce((best, next) => (next.mAP10 > best.mAP10 ? next : best))
}

/** The same weights with the posterior beside the embedding; a share of 0 gives the network itself. */
export function withPosterior(network: TrainableNetwork, settings: PosteriorSettings): TrainableNetwork {
  if (settings.share === 0) return network
  const outputs = network.model.outputs as [SymbolicTensor, SymbolicTensor]
  const both = new EmbeddingWithPosterior({ name: 'embedding_with_posterior', ...settings }).apply(outputs) as SymbolicTensor
  return {
    ...network,
    model: layersModel({ inputs: network.model.inputs, outputs: [both, outputs[1]] }),
    embeddingDimension: network.embeddingDimension + network.labels.length,
  }
}

/** The layer's arithmetic, on rows that are there already. */
export function joined(val: LabelledEmbeddings & { logits: Float32Array }, { share, sharpness }: PosteriorSettings): LabelledEmbeddings {
  if (share === 0) return val
  const count = val.ids.length
  const layer = new EmbeddingWithPosterior({ share, sharpness })
  const both = tf.tidy(() => layer.call([tf.tensor2d(val.embeddings, [count, val.dimension]), tf.tensor2d(val.logits, [count, val.logits.length / count])]))
  const rows = { ...val, embeddings: both.dataSync() as Float32Array, dimension: both.shape[1]! }
  both.dispose()
  return rows
}
