/** What a file of weights says, whatever names and layouts its framework gave them. */
import type { Preprocessing } from '../../embedding/model-manifest.js'
import type { ResNetForm } from '../models/resnet50.js'
import type { NamedTensor } from '../safetensors.js'

/** By the names that the file gives them. */
export type TensorsByName = ReadonlyMap<string, NamedTensor>

/** Layer name → its weights, in the order, shapes and layout of the network's own layer. */
export type LayerWeights = Map<string, NamedTensor[]>

/** What a form of weights says about the network that it fits. */
export interface ReadForm {
  layers: LayerWeights
  /** The classifier of the original classes, if the file has one: kernel [D, C] and bias [C]. Never trained on. */
  classifier?: [kernel: NamedTensor, bias: NamedTensor]
  preprocessing: Preprocessing
  resnet?: ResNetForm
}

export interface WeightForm {
  architecture: 'resnet50' | 'efficientnet-lite0'
  /** One line for people. */
  description: string
  /** Tensor names that no other form has. */
  recognises(tensors: TensorsByName): boolean
  read(tensors: TensorsByName): ReadForm
}

export interface StartingWeights extends ReadForm {
  architecture: WeightForm['architecture']
  description: string
  file: string
  /** Of the whole file of weights; goes into the manifest, and tells a cache of features from another. */
  sha256: string
}
