/**
 * One unit vector made of up to three unit vectors: the class embedding e, the square root of the class posterior √q,
 * and the part r that tells single pictures apart. Each part is scaled by √ of its share, so that search remains a dot
 * product: (1−p−i)·cos(e, e′) + p·Σ√(q·q′) + i·cos(r, r′). Ranking by class posterior is good deep in the list but
 * cannot handle new classes; the embedding is good at the top; a network that learns classes discards what is specific
 * to a picture.
 */
import * as tf from '@tensorflow/tfjs-core'
import { layers, model as layersModel, type Shape, type SymbolicTensor } from '@tensorflow/tfjs-layers'
import type { LabelledEmbeddings } from '../../eval/ranking.js'
import type { TrainableNetwork } from './network.js'

type LayerArgs = NonNullable<ConstructorParameters<typeof layers.Layer>[0]>

export interface PosteriorSettings {
  /** p, 0 to 1: weight of the posterior in the score. */
  share: number
  /** Factor on the logits before the softmax; below 1 the posterior is flatter than the classifier's own. */
  sharpness: number
}

export interface JoinSettings {
  posterior: PosteriorSettings
  /** i, 0 to 1 − p: weight of the instance part in the score. */
  instanceShare: number
}

/** The settings as a layer's configuration. */
export interface JoinedEmbeddingArgs {
  posteriorShare: number
  sharpness: number
  instanceShare: number
}

/**
 * [embedding [N, D], logits [N, C], instance [N, I] if it has a share] → [N, D + C + I] of unit length; parts without a
 * share are omitted. No weights.
 */
class JoinedEmbedding extends layers.Layer {
  static className = 'JoinedEmbedding'
  readonly posteriorShare: number
  readonly sharpness: number
  readonly instanceShare: number

  constructor(args: LayerArgs & JoinedEmbeddingArgs) {
    super(args)
    this.posteriorShare = args.posteriorShare
    this.sharpness = args.sharpness
    this.instanceShare = args.instanceShare
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    const [embedding, logits, instance] = inputShape as [Shape, Shape, Shape?]
    const parts = [
      embedding,
      ...(this.posteriorShare > 0 ? [logits] : []),
      ...(this.instanceShare > 0 ? [instance!] : []),
    ]
    return [embedding[0]!, parts.reduce((sum, part) => sum + part[1]!, 0)]
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const { posteriorShare, sharpness, instanceShare } = this
    return tf.tidy(() => {
      const [embedding, logits, instance] = inputs as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D?]
      const weighted = (part: tf.Tensor, share: number) => tf.mul(part, Math.sqrt(share))
      const parts = [weighted(embedding, 1 - posteriorShare - instanceShare)]
      if (posteriorShare > 0) parts.push(weighted(tf.sqrt(tf.softmax(tf.mul(logits, sharpness))), posteriorShare))
      if (instanceShare > 0) parts.push(weighted(instance!, instanceShare))
      return tf.concat(parts, 1)
    })
  }

  override getConfig(): tf.serialization.ConfigDict {
    return {
      ...super.getConfig(),
      posteriorShare: this.posteriorShare,
      sharpness: this.sharpness,
      instanceShare: this.instanceShare,
    }
  }
}

tf.serialization.registerClass(JoinedEmbedding)

/**
 * The same weights with the outputs [joined embedding, logits]; if neither part has a share, the class embedding is
 * unchanged.
 */
export function withJoinedEmbedding(network: TrainableNetwork, settings: JoinSettings): TrainableNetwork {
  const [embedding, logits, instance] = network.model.outputs as [SymbolicTensor, SymbolicTensor, SymbolicTensor?]
  const isPlain = settings.posterior.share === 0 && settings.instanceShare === 0
  if (isPlain && instance === undefined) return network
  const args = argsOf(settings)
  const joined = isPlain
    ? embedding
    : (new JoinedEmbedding({ name: 'joined_embedding', ...args }).apply(
        joinedParts([embedding, logits, instance], args),
      ) as SymbolicTensor)
  return {
    ...network,
    model: layersModel({ inputs: network.model.inputs, outputs: [joined, logits] }),
    embeddingDimension: joined.shape[1]!,
    instanceDimension: 0,
  }
}

/** Rows of every part, as collected by `embedImages`. */
export interface RowsOfParts extends LabelledEmbeddings {
  /** [n, C] */
  logits: Float32Array
  /** [n, I], unit rows; absent if the network has no instance part. */
  instance?: Float32Array | undefined
}

/** Applies the layer's arithmetic to existing rows. */
export function joinedRows<Rows extends RowsOfParts>(rows: Rows, settings: JoinSettings): Rows {
  if (settings.posterior.share === 0 && settings.instanceShare === 0) return rows
  const count = rows.ids.length
  const args = argsOf(settings)
  const joined = tf.tidy(() => {
    const table = (values: Float32Array) => tf.tensor2d(values, [count, values.length / count])
    const { embeddings, logits, instance } = rows
    return new JoinedEmbedding(args).call(
      joinedParts([table(embeddings), table(logits), instance && table(instance)], args),
    )
  })
  const result = { ...rows, embeddings: joined.dataSync() as Float32Array, dimension: joined.shape[1]! }
  joined.dispose()
  return result
}

function argsOf({ posterior: { share, sharpness }, instanceShare }: JoinSettings): JoinedEmbeddingArgs {
  return { posteriorShare: share, sharpness, instanceShare }
}

/**
 * The layer's inputs; includes the instance part only if it has a share.
 * @throws RangeError if it has a share but is missing
 */
function joinedParts<Part>(
  [embedding, logits, instance]: [Part, Part, Part | undefined],
  { instanceShare }: JoinedEmbeddingArgs,
): Part[] {
  if (instanceShare === 0) return [embedding, logits]
  if (instance === undefined) throw new RangeError('the network has no part that tells pictures apart')
  return [embedding, logits, instance]
}
