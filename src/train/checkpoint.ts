/**
 * A run that can be taken up again to the bit. Random numbers need no state of their own: every
 * shuffle and every view is seeded by (run, epoch, picture), so the place in the run says it all.
 */
import * as tf from '@tensorflow/tfjs-core'
import { type NamedTensor, readTensors, writeTensors } from './safetensors.js'

export interface RunState {
  /** Epoch under way, from 0, and batches of it that are done. */
  epoch: number
  batch: number
  optimizerStep: number
  best: { epoch: number; score: number } | null
  /** What was measured after each finished epoch. */
  history: EpochRecord[]
  secondsSpent: number
  /** What computed it; a run may be ended on another machine. */
  backend?: string
}

export interface EpochRecord {
  /** Side of the pictures. */
  side: number
  epoch: number
  loss: number
  picturesPerSecond: number
  /** Share of the time in which the device waited for pictures. */
  waitedShare?: number
  seconds: number
  /** null: the epoch was not judged. */
  val: {
    mAP10: number | null
    accuracy: number
    mAP1?: number | null
    mAP50?: number | null
    normalisedMeanRank?: number | null
  } | null
  /** Of a run in phases: which part of the network was trained. */
  phase?: string
}

/** Groups of variables under a prefix each, such as `weights`, `average`, `moments`. */
export type VariableGroups = Record<string, readonly tf.Variable[]>

/** @param fingerprint what must be equal for the checkpoint to fit: settings that shape the run */
export async function saveCheckpoint(
  path: string,
  groups: VariableGroups,
  state: RunState,
  fingerprint: string,
): Promise<void> {
  const tensors: NamedTensor[] = []
  for (const [group, variables] of Object.entries(groups)) {
    for (const [index, variable] of variables.entries()) {
      tensors.push({
        name: `${group}.${index}`,
        shape: variable.shape,
        values: (await variable.data()) as Float32Array,
      })
    }
  }
  await writeTensors(path, { tensors, metadata: { state: JSON.stringify(state), fingerprint } })
}

/** Puts the values into the variables. @throws Error when the checkpoint is of another run. */
export async function loadCheckpoint(path: string, groups: VariableGroups, fingerprint: string): Promise<RunState> {
  const { tensors, metadata } = await readTensors(path)
  if (metadata['fingerprint'] !== fingerprint)
    throw new Error(`${path} is of a run with other settings or data; start anew or use another --name.`)
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]))
  for (const [group, variables] of Object.entries(groups)) {
    for (const [index, variable] of variables.entries()) {
      const found = byName.get(`${group}.${index}`)
      if (found === undefined || found.shape.join() !== variable.shape.join())
        throw new Error(`${path} lacks ${group}.${index} of shape [${variable.shape}].`)
      tf.tidy(() => variable.assign(tf.tensor(found.values, found.shape)))
    }
  }
  return JSON.parse(metadata['state']!) as RunState
}
