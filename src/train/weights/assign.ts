/** Assigns starting weights to a network, or reports every mismatch. */
import * as tf from '@tensorflow/tfjs-core'
import { firstOf } from '../../command-line.js'
import { AlikeError } from '../../errors.js'
import type { StagedNetwork } from '../models/staged-network.js'
import type { StartingWeights } from './weight-format.js'

const shownProblems = 5

/**
 * Every layer except the head's must get its weights, and every tensor must find its layer.
 * @throws AlikeError `weights_unreadable`; the network may then hold part of them.
 */
export function assignWeights(
  network: StagedNetwork,
  { layers, file }: Pick<StartingWeights, 'layers' | 'file'>,
): void {
  const waiting = new Set(layers.keys())
  const problems: string[] = []
  for (const layer of network.model.layers) {
    if (layer.weights.length === 0 || network.isHead(layer.name)) continue
    waiting.delete(layer.name)
    const tensors = layers.get(layer.name) ?? []
    const wanted = layer.weights.map(({ shape }) => `[${shape}]`).join(' ')
    const found = tensors.map(({ shape }) => `[${shape}]`).join(' ')
    if (wanted === found) tf.tidy(() => layer.setWeights(tensors.map(({ values, shape }) => tf.tensor(values, shape))))
    else problems.push(`${layer.name} needs ${wanted} and the file has ${found || 'nothing'}`)
  }
  problems.push(...[...waiting].map((name) => `${name} of the file has no place in the network`))
  if (problems.length === 0) return
  throw new AlikeError('weights_unreadable', {
    detail: `${file} does not fit: ${firstOf(problems, shownProblems, '; ')}.`,
  })
}
