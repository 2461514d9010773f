/** The variables that a phase trains, in two groups with separate learning rates. */
import type * as tf from '@tensorflow/tfjs-core'
import { type StagedNetwork, trainableLayersOf } from '../models/staged-network.js'
import { AdamW } from '../optimizer/adamw.js'
import type { PhaseName } from './settings.js'

export interface PhaseOptimizer {
  /** Trained variables of the trunk: none unless every layer is trained. */
  trunk: tf.Variable[]
  tail: tf.Variable[]
  apply(gradients: tf.NamedTensorMap, rates: { head: number; body: number }): void
  readonly moments: readonly tf.Variable[]
  dispose(): void
}

export function phaseOptimizer(network: StagedNetwork, trains: PhaseName, weightDecay: number): PhaseOptimizer {
  const tailLayers = trainableLayersOf(network.tail).filter(({ layer }) => trains !== 'head' || network.isHead(layer))
  const head = tailLayers.filter(({ layer }) => network.isHead(layer)).flatMap(({ variables }) => variables)
  const tailBody = tailLayers.filter(({ layer }) => !network.isHead(layer)).flatMap(({ variables }) => variables)
  const trunk = trains === 'all' ? trainableLayersOf(network.trunk).flatMap(({ variables }) => variables) : []

  // some batches contribute nothing to the instance part of the head; in its own optimiser it then stays still,
  // including its momentum
  const [forInstance, forClasses] = [head.filter(isOfInstance), head.filter((variable) => !isOfInstance(variable))]
  const body = [...trunk, ...tailBody]
  const options = { beta2: 0.999, epsilon: 1e-8, weightDecay }
  const optimizersOf = (variables: tf.Variable[]) => (variables.length === 0 ? [] : [new AdamW(variables, options)])
  const [headOptimizers, bodyOptimizers] = [
    [...optimizersOf(forClasses), ...optimizersOf(forInstance)],
    optimizersOf(body),
  ]
  const all = [...headOptimizers, ...bodyOptimizers]
  return {
    trunk,
    tail: [...tailBody, ...head],
    apply(gradients, rates) {
      for (const optimizer of headOptimizers) optimizer.apply(gradients, rates.head)
      for (const optimizer of bodyOptimizers) optimizer.apply(gradients, rates.body)
    },
    moments: all.flatMap(({ moments }) => moments),
    dispose() {
      for (const optimizer of all) optimizer.dispose()
    },
  }
}

const isOfInstance = ({ name }: tf.Variable): boolean => name.startsWith('instance_')
