/** A network that starts from given weights and is trained from its end backwards. */
import type * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import type { TrainableNetwork } from './network.js'

export interface StagedNetwork extends TrainableNetwork {
  /** Pixels, normalised → the map between the two parts. Shares its layers with `model`. */
  trunk: LayersModel
  /** That map → [embedding, logits]. Shares its layers with `model`. */
  tail: LayersModel
  /** Whether a layer belongs to the new head, by its name: the head may learn faster than what was learned before. */
  isHead(layerName: string): boolean
}

/** Weights that a step may move, with their layers. */
export function trainableLayersOf(part: LayersModel): { layer: string; variables: tf.Variable[] }[] {
  return part.layers
    .map((layer) => ({
      layer: layer.name,
      variables: layer.trainableWeights.map((weight) => weight.read() as tf.Variable),
    }))
    .filter(({ variables }) => variables.length > 0)
}

/** Every weight of a part, batch-norm statistics included, in the fixed order of its layers. */
export function partVariablesOf(part: LayersModel): tf.Variable[] {
  return part.weights.map((weight) => weight.read() as tf.Variable)
}

/** Numbers and shapes of two networks of the same shape agree; so one can take over the other's weights. */
export function copyWeights(from: LayersModel, to: LayersModel): void {
  const source = partVariablesOf(from)
  for (const [index, target] of partVariablesOf(to).entries()) target.assign(source[index]!)
}
