/** A network that starts from given weights and is trained from its end backwards. */
import type * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import type { TrainableNetwork } from './network.js'

export interface StagedNetwork extends TrainableNetwork {
  /** Normalised pixels → the map between the two parts. Shares its layers with `model`. */
  trunk: LayersModel
  /** That map → [embedding, logits]. Shares its layers with `model`. */
  tail: LayersModel
  /**
   * Whether a layer, given by name, belongs to the new head, which may have a higher learning rate than the pretrained
   * layers.
   */
  isHead(layerName: string): boolean
}

/** Trainable weights, with their layers. */
export function trainableLayersOf(part: LayersModel): { layer: string; variables: tf.Variable[] }[] {
  return part.layers
    .map((layer) => ({
      layer: layer.name,
      variables: layer.trainableWeights.map((weight) => weight.read() as tf.Variable),
    }))
    .filter(({ variables }) => variables.length > 0)
}
