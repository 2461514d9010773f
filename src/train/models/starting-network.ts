/** Builds the network for a file of starting weights, with those weights and an untrained head. */
import { assignWeights } from '../weights/assign.js'
import type { StartingWeights } from '../weights/weight-format.js'
import { efficientNetLite0 } from './efficientnet-lite0.js'
import { importedNetwork } from './imported-network.js'
import { resnet50 } from './resnet50.js'
import type { RetrievalHeadSettings } from './retrieval-head.js'
import type { StagedNetwork } from './staged-network.js'

export interface StartingNetworkOptions {
  name: string
  labels: string[]
  head: RetrievalHeadSettings
  seed: number
  /** Side of the pictures in serving; the whole square of a picture is scaled to it. Default: as for the weights. */
  inputSize?: number | undefined
  /** False accepts any square, for training on smaller ones. */
  fixedSize?: boolean
}

/** @throws AlikeError `weights_unreadable` if a layer and its tensors do not match. */
export function startingNetwork(
  weights: StartingWeights,
  { inputSize, ...options }: StartingNetworkOptions,
): StagedNetwork {
  const { preprocessing: asStored, resnet, folded, encoder } = weights
  if (encoder !== undefined) return importedNetwork({ ...options, preprocessing: asStored, encoder })
  const preprocessing = inputSize === undefined ? asStored : { ...asStored, inputSize, resizeShortSide: inputSize }
  const shape = { ...options, preprocessing }
  const network =
    resnet === undefined ? efficientNetLite0({ ...shape, folded }) : resnet50({ ...shape, variant: resnet })
  assignWeights(network, weights)
  return network
}
