/**
 * Checkpoints from which a run resumes bit for bit. Random numbers need no saved state: every shuffle and every view is
 * seeded by (run, epoch, picture), so the position in the run determines them.
 */
import type { BigIntStats } from 'node:fs'
import * as tf from '@tensorflow/tfjs-core'
import { AlikeError } from '../errors.js'
import { expectSameRun } from './run-differences.js'
import { type NamedTensor, readTensors, type TensorFile, writeTensors } from './safetensors.js'

export interface RunState {
  /** Epoch in progress, from 0, and the number of its finished batches. */
  epoch: number
  batch: number
  /** Measurements of those batches; absent before the first. */
  part?: EpochPart
  /** Steps taken, in a run with phases in the current one: the learning rate follows from it. */
  optimizerStep: number
  /** Planned number of epochs; absent in a run with phases. */
  epochs?: number
  /** Model ids of the networks that teach the run. */
  teachers: readonly string[]
  best: { epoch: number; score: number } | null
  /** Measurements after each finished epoch. */
  history: EpochRecord[]
  secondsSpent: number
  /** Backend that the run began with; it may be finished on another machine. */
  backend?: string
}

export interface EpochPart {
  lossSum: number
  batches: number
  images: number
  waitedMs: number
  seconds: number
}

export interface EpochRecord {
  /** Side of the pictures in pixels. */
  side: number
  epoch: number
  loss: number
  picturesPerSecond: number
  /** Share of the time in which the device waited for pictures. */
  waitedShare?: number
  seconds: number
  /** null if the epoch was not evaluated. */
  val: {
    mAP10: number | null
    accuracy: number
    mAP1?: number | null
    mAP50?: number | null
    normalisedMeanRank?: number | null
  } | null
  /** In a run with phases: the part of the network that was trained. */
  phase?: string
}

/**
 * The state once an epoch is finished. The best epoch has the highest mAP@10 on val, or the highest accuracy if no two
 * val pictures share a label; of equal ones, which are frequent with few pictures, it is the one trained longest.
 */
export function afterEpoch({ part, ...state }: RunState, record: EpochRecord): RunState {
  const { best, history, secondsSpent } = state
  const { epoch, val, seconds } = record
  const score = val === null ? null : (val.mAP10 ?? val.accuracy)
  const isBest = score !== null && (best === null || score >= best.score)
  return {
    ...state,
    epoch: epoch + 1,
    batch: 0,
    best: isBest ? { epoch, score } : best,
    history: [...history, record],
    secondsSpent: secondsSpent + seconds,
  }
}

/** Groups of variables, each with a prefix such as `weights`, `average`, `moments`. */
export type VariableGroups = Record<string, readonly tf.Variable[]>

export interface Checkpoint {
  groups: VariableGroups
  state: RunState
  /** Identifies the settings that shape the run; a checkpoint only loads with an equal one. */
  fingerprint: string
  /** See `writeTensors`. */
  mayReplace?: (() => Promise<void>) | undefined
}

/**
 * @returns the new file's facts
 * @throws AlikeError `training_diverged` instead of replacing finite values with others
 */
export async function saveCheckpoint(
  path: string,
  { groups, state, fingerprint, mayReplace }: Checkpoint,
): Promise<BigIntStats> {
  const tensors: NamedTensor[] = []
  for (const [group, variables] of Object.entries(groups)) {
    for (const [index, variable] of variables.entries()) {
      const values = (await variable.data()) as Float32Array
      if (!areFinite(values)) throw new AlikeError('training_diverged', { detail: `${path} is left as it was.` })
      tensors.push({ name: `${group}.${index}`, shape: variable.shape, values })
    }
  }
  return writeTensors(path, { tensors, metadata: { state: JSON.stringify(state), fingerprint } }, mayReplace)
}

/** Zero times NaN or an infinity is NaN. A hundred million values take a tenth of a second this way. */
function areFinite(values: Float32Array): boolean {
  let zero = 0
  for (const value of values) zero += value * 0
  return zero === 0
}

/**
 * Loads the values into the variables.
 * @throws AlikeError `run_not_found`, `run_unreadable`; `run_differs` if the checkpoint belongs to another run
 */
export async function loadCheckpoint(path: string, groups: VariableGroups, fingerprint: string): Promise<RunState> {
  const { tensors, metadata } = await readCheckpoint(path)
  expectSameRun(metadata['fingerprint'] ?? '{}', fingerprint)
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]))
  for (const [group, variables] of Object.entries(groups)) {
    for (const [index, variable] of variables.entries()) {
      const found = byName.get(`${group}.${index}`)
      if (found === undefined || found.shape.join() !== variable.shape.join())
        throw new AlikeError('run_unreadable', {
          detail: `${path} lacks ${group}.${index} of shape [${variable.shape}].`,
        })
      tf.tidy(() => variable.assign(tf.tensor(found.values, found.shape)))
    }
  }
  return JSON.parse(metadata['state']!) as RunState
}

async function readCheckpoint(path: string): Promise<TensorFile> {
  try {
    return await readTensors(path)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT')
      throw new AlikeError('run_not_found', {
        detail: `${path} does not exist; a run writes it in its first epochs.`,
        cause,
      })
    throw new AlikeError('run_unreadable', { detail: `${path} is damaged: ${(cause as Error).message}`, cause })
  }
}
