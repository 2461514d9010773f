/** Builds the network for a file of starting weights, with those weights and an untrained head. */
import { assignWeights } from '../weights/assign.js'
import type { StartingWeights } from '../weights/weight-format.js'
import { efficientNetLite0 } from './efficientnet-lite0.js'
import { resnet50 } from './resnet50.js'
import type { RetrievalHeadSettings } from './retrieval-head.js'
import type { StagedNetwork } from './staged-network.js'

export interface StartingNetworkOptions {
  name: string
  labels: string[]
  head: RetrievalHeadSettings
  seed: number
  /** False accepts any square, for training on smaller ones. */
  fixedSize?: boolean
}

/** @throws AlikeError `weights_unreadable` if a layer and its tensors do not match. */
export function startingNetwork(weights: StartingWeights, options: StartingNetworkOptions): StagedNetwork {
  const shape = { ...options, preprocessing: weights.preprocessing }
  const network =
    weights.resnet === undefined ? efficientNetLite0(shape) : resnet50({ ...shape, variant: weights.resnet })
  assignWeights(network, weights)
  return network
}
