/** What a file of weights says, whatever names and layouts its framework gave them. */
import type { Preprocessing } from '../../embedding/model-manifest.js'
import type { ResNetVariant } from '../models/resnet50.js'
import type { NamedTensor } from '../safetensors.js'

/** By the names that the file gives them. */
export type TensorsByName = ReadonlyMap<string, NamedTensor>

/** Layer name → its weights, in the order, shapes and layout of the network's own layer. */
export type LayerWeights = Map<string, NamedTensor[]>

/** What a format of weights says about the network that it fits. */
export interface ReadFormat {
  layers: LayerWeights
  /** The classifier of the original classes, if the file has one: kernel [D, C] and bias [C]. Never trained on. */
  classifier?: [kernel: NamedTensor, bias: NamedTensor]
  preprocessing: Preprocessing
  resnet?: ResNetVariant
}

export interface WeightFormat {
  architecture: 'resnet50' | 'efficientnet-lite0'
  /** One line for people. */
  description: string
  /** Tensor names that no other format has. */
  recognises(tensors: TensorsByName): boolean
  read(tensors: TensorsByName): ReadFormat
}

export interface StartingWeights extends ReadFormat {
  architecture: WeightFormat['architecture']
  description: string
  file: string
  /** Of the whole file of weights; goes into the manifest, and tells a cache of features from another. */
  sha256: string
}
