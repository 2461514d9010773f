/** The variables that a phase moves, in two groups with a rate each. */
import type * as tf from '@tensorflow/tfjs-core'
import { trainableLayersOf, type StagedNetwork } from '../models/staged-network.js'
import { AdamW } from '../optimizer/adamw.js'
import type { PhaseName } from './settings.js'

export interface PhaseOptimizer {
  /** Moved in the trunk: none, unless every layer is trained. */
  trunk: tf.Variable[]
  tail: tf.Variable[]
  /** Steps taken in this phase. */
  step: number
  apply(gradients: tf.NamedTensorMap, rates: { head: number; body: number }): void
  readonly moments: readonly tf.Variable[]
  dispose(): void
}

export function phaseOptimizer(network: StagedNetwork, trains: PhaseName, weightDecay: number): PhaseOptimizer {
  const tailLayers = trainableLayersOf(network.tail).filter(({ layer }) => trains !== 'head' || network.isHead(layer))
  const head = tailLayers.filter(({ layer }) => network.isHead(layer)).flatMap(({ variables }) => variables)
  const tailBody = tailLayers.filter(({ layer }) => !network.isHead(layer)).flatMap(({ variables }) => variables)
  const trunk = trains === 'all' ? trainableLayersOf(network.trunk).flatMap(({ variables }) => variables) : []

  const options = { beta2: 0.999, epsilon: 1e-8, weightDecay }
  const [forHead, forBody] = [new AdamW(head, options), new AdamW([...trunk, ...tailBody], options)]
  return {
    trunk,
    tail: [...tailBody, ...head],
    get step() {
      return forHead.step
    },
    set step(step) {
      forHead.step = forBody.step = step
    },
    apply(gradients, rates) {
      forHead.apply(gradients, rates.head)
      forBody.apply(gradients, rates.body)
    },
    moments: [...forHead.moments, ...forBody.moments],
    dispose() {
      forHead.dispose()
      forBody.dispose()
    },
  }
}
