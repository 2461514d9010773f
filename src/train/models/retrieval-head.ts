/** What turns a feature map into the two outputs of a retrieval network. */
import { initializers, layers, type SymbolicTensor } from '@tensorflow/tfjs-layers'
import { BatchNormalization } from './batch-normalization.js'
import { GemPooling } from './gem-pooling.js'
import { CosineClassifier, L2Normalize } from './layers.js'

export interface RetrievalHeadSettings {
  pooling: 'average' | 'gem'
  embeddingDimension: number
  /** Logit = scale × cosine. */
  scale: number
}

export interface RetrievalHeadOptions extends RetrievalHeadSettings {
  classes: number
  seed: number
}

/** Power of the generalised mean; the value that its authors start from. */
const gemPower = 3

/** Names of the head's layers that carry weights. */
export const headLayers = ['embed', 'embed_norm', 'logits'] as const

/**
 * Head whose layers are made once and may be applied to several inputs.
 * map [N, H, W, C] → pooled [N, C] → dense [N, D] → batch-norm (BNNeck, Luo et al. 2019) → unit length; logits are cosines to
 * each class. The norm before the unit length is what lets one embedding serve both the classifier and distances.
 */
export function retrievalHead({ pooling, embeddingDimension, scale, classes, seed }: RetrievalHeadOptions): (map: SymbolicTensor) => [embedding: SymbolicTensor, logits: SymbolicTensor] {
  const pool = pooling === 'gem' ? new GemPooling({ name: 'pooled', power: gemPower }) : layers.globalAveragePooling2d({ name: 'pooled' })
  const dense = layers.dense({ name: 'embed', units: embeddingDimension, useBias: false, kernelInitializer: initializers.glorotNormal({ seed }) })
  const norm = new BatchNormalization({ name: 'embed_norm', momentum: 0.95 })
  const unit = new L2Normalize({ name: 'embedding' })
  const classifier = new CosineClassifier({ name: 'logits', units: classes, scale, seed: seed + 1 })
  return (map) => {
    const chain = [pool, dense, norm, unit]
    const embedding = chain.reduce((value, layer) => layer.apply(value) as SymbolicTensor, map)
    return [embedding, classifier.apply(embedding) as SymbolicTensor]
  }
}
