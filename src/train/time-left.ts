/**
 * Estimates the remaining time of a run. Work is counted in forward passes of full-size pictures; finished epochs show
 * how long a pass takes here. The ratios were measured with ResNet-50 on one core: 54 ms forward, 39 for the tail from
 * cached maps, 220 for every layer (docs/training.md); EfficientNet-Lite0 has nearly the same.
 */
import { availableParallelism } from 'node:os'
import { editedCopiesOf } from './edited-copies.js'
import type { TrainingData } from './training-data.js'

/** Epochs with the same phase and side take equally long. */
export interface PlannedEpoch {
  phase?: string | undefined
  side: number
}

export interface TimedEpoch extends PlannedEpoch {
  seconds: number
  /** While it trained. */
  picturesPerSecond: number
}

/** What is the same in every epoch of a run. */
export interface EpochSize {
  /** Rows of its batches. */
  pictures: number
  /** Pictures of val, on which it is judged. */
  judged: number
  /** Side of the pictures as served; cached maps always use it. */
  fullSide: number
}

const passesOfTraining: Record<string, number> = { head: 0.2, tail: 0.7, all: 4 }
/** Forward and backward pass of a small network. */
const passesFromScratch = 3
/** From cached maps only the tail runs. */
const passesOfJudging: Record<string, number> = { head: 0.2, tail: 0.2 }

/** Forward passes for each picture that is trained on. */
function passesOf({ phase, side }: PlannedEpoch, { fullSide }: EpochSize): number {
  const passes = phase === undefined ? passesFromScratch : (passesOfTraining[phase] ?? passesFromScratch)
  return passes * (side / fullSide) ** 2
}

/**
 * Pictures that pass through the network after a run's epochs: selection on val, and the report.
 * @param hasInstance whether the network has a part that tells single pictures apart
 */
export function exportPasses(
  { val, test, train }: Pick<TrainingData, 'val' | 'test' | 'train'>,
  { report, hasInstance }: { report: boolean; hasInstance: boolean },
): number {
  const choosing = 2 * val.length + (hasInstance ? editedCopiesOf(val.length) : 0)
  return report
    ? choosing + train.length + val.length + viewsOfTest * test.length + editedCopiesOf(test.length)
    : choosing
}
/** One as served, and four that are averaged. */
const viewsOfTest = 5

/**
 * @param done epochs of this process; without any there is no estimate
 * @param toCome in their order
 * @param passes of the export and the report, which run on the processor
 */
export function secondsLeft(
  done: readonly TimedEpoch[],
  toCome: readonly PlannedEpoch[],
  size: EpochSize,
  passes: { count: number; secondsEach?: number | undefined },
): number | null {
  if (done.length === 0) return null
  // without evaluation and checkpoints, which in a short epoch from cached maps take longer than training
  const secondsOfPass = meanOfLast(done.map((epoch) => 1 / (epoch.picturesPerSecond * passesOf(epoch, size))))
  const secondsOf = (epoch: PlannedEpoch): number => {
    const alike = done.filter(({ phase, side }) => phase === epoch.phase && side === epoch.side)
    if (alike.length > 0) return meanOfLast(alike.map(({ seconds }) => seconds))
    const judging = size.judged * (passesOfJudging[epoch.phase ?? ''] ?? 1)
    return (size.pictures * passesOf(epoch, size) + judging) * secondsOfPass
  }
  return sum(toCome.map(secondsOf)) + passes.count * (passes.secondsEach ?? secondsOfPass)
}

/** Of the last three: a machine's speed changes. */
function meanOfLast(values: readonly number[]): number {
  const last = values.slice(-3)
  return sum(last) / last.length
}

/**
 * One pass of the exported network on the processor, while a GPU trains: 36 ms on one core for ResNet-50, in proportion
 * to the number of weights.
 */
export function secondsOfExportedPass(weights: number): number {
  return (0.036 * weights) / 25.6e6 / availableParallelism()
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
