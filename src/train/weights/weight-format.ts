/** The content of a weights file, independent of its framework's names and layouts. */
import type { Preprocessing } from '../../embedding/model-manifest.js'
import type { Encoder } from '../models/network.js'
import type { ResNetVariant } from '../models/resnet50.js'
import type { NamedTensor } from '../safetensors.js'

/** In the manifest of a network of another framework, with or without a head. */
export const importedArchitecture = 'imported'

/** Keyed by the file's own names. */
export type TensorsByName = ReadonlyMap<string, NamedTensor>

/** Layer name → its weights, in the order, shapes and layout of the network's own layer. */
export type LayerWeights = Map<string, NamedTensor[]>

/** What a weights format reveals about the matching network. */
export interface ReadFormat {
  layers: LayerWeights
  /** The classifier of the original classes, if the file has one: kernel [D, C] and bias [C]. Never trained on. */
  classifier?: [kernel: NamedTensor, bias: NamedTensor]
  preprocessing: Preprocessing
  resnet?: ResNetVariant
  /** Whether the norms of an EfficientNet are folded into its convolutions, as those of a ResNet always are. */
  folded?: boolean
}

export interface WeightFormat {
  architecture: 'resnet50' | 'efficientnet-lite0'
  /** One line for people. */
  description: string
  /** Recognises tensor names that no other format has. */
  recognises(tensors: TensorsByName): boolean
  read(tensors: TensorsByName): ReadFormat
}

export interface StartingWeights extends ReadFormat {
  architecture: WeightFormat['architecture'] | typeof importedArchitecture
  /** Of an imported network, which has no layers to train. */
  encoder?: Encoder | undefined
  description: string
  file: string
  /** Of the whole weights file; recorded in the manifest, and distinguishes feature caches. */
  sha256: string
}
