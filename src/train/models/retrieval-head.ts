/** Turns two feature maps into the outputs of a retrieval network. */
import { initializers, layers, type SymbolicTensor } from '@tensorflow/tfjs-layers'
import { BatchNormalization } from './batch-normalization.js'
import { GemPooling } from './gem-pooling.js'
import { CosineClassifier, L2Normalize } from './layers.js'

export interface RetrievalHeadSettings {
  pooling: 'average' | 'gem'
  embeddingDimension: number
  /** Logit = scale × cosine. */
  scale: number
  /** Length of the part that tells single pictures apart, whatever their class; 0 omits it. */
  instanceDimension: number
}

export interface RetrievalHeadOptions extends RetrievalHeadSettings {
  classes: number
  seed: number
}

/** Power of the generalised mean; the initial value used by its authors. */
const gemPower = 3

/** Names of the head's layers with weights. */
export const headLayers = ['embed', 'embed_norm', 'logits', 'instance_embed', 'instance_norm'] as const

/** `instance` only if the head has that part. */
export type HeadOutputs =
  | [embedding: SymbolicTensor, logits: SymbolicTensor]
  | [embedding: SymbolicTensor, logits: SymbolicTensor, instance: SymbolicTensor]

/**
 * A head whose layers are created once and may be applied to several inputs.
 * last [N, H, W, C] → pooled [N, C] → dense [N, D] → batch-norm (BNNeck, Luo et al. 2019) → unit length; logits are
 * cosines with each class. The norm before the unit length lets one embedding serve both the classifier and distances.
 * early [N, H, W, C] is processed in the same way into the instance part: a network that learns classes discards what
 * is specific to a picture in its last layers first.
 */
export function retrievalHead({
  pooling,
  embeddingDimension,
  scale,
  instanceDimension,
  classes,
  seed,
}: RetrievalHeadOptions): (last: SymbolicTensor, early: SymbolicTensor) => HeadOutputs {
  const pool =
    pooling === 'gem'
      ? new GemPooling({ name: 'pooled', power: gemPower })
      : layers.globalAveragePooling2d({ name: 'pooled' })
  const dense = layers.dense({
    name: 'embed',
    units: embeddingDimension,
    useBias: false,
    kernelInitializer: initializers.glorotNormal({ seed }),
  })
  const norm = new BatchNormalization({ name: 'embed_norm', momentum: 0.95 })
  const unit = new L2Normalize({ name: 'embedding' })
  const classifier = new CosineClassifier({ name: 'logits', units: classes, scale, seed: seed + 1 })
  const through = (chain: readonly { apply(value: SymbolicTensor): unknown }[], map: SymbolicTensor) =>
    chain.reduce((value, layer) => layer.apply(value) as SymbolicTensor, map)
  const instance = instanceDimension === 0 ? null : instanceLayers(instanceDimension, seed + 2)
  return (last, early) => {
    const embedding = through([pool, dense, norm, unit], last)
    const logits = classifier.apply(embedding) as SymbolicTensor
    return instance === null ? [embedding, logits] : [embedding, logits, through(instance, early)]
  }
}

function instanceLayers(units: number, seed: number) {
  return [
    layers.globalAveragePooling2d({ name: 'instance_pooled' }),
    layers.dense({
      name: 'instance_embed',
      units,
      useBias: false,
      kernelInitializer: initializers.glorotNormal({ seed }),
    }),
    new BatchNormalization({ name: 'instance_norm', momentum: 0.95 }),
    new L2Normalize({ name: 'instance' }),
  ]
}
