/**
 * Estimates the remaining time of a run. Work is counted in forward passes of full-size pictures; finished epochs show
 * how long a pass takes here. The ratios were measured with ResNet-50 on one core: 54 ms forward, 39 for the tail from
 * cached maps, 220 for every layer (docs/training.md).
 */
import { availableParallelism } from 'node:os'
import { editedCopiesOf } from './edited-copies.js'
import type { TrainingData } from './training-data.js'

export interface PlannedEpoch {
  /** Epochs with the same phase and side take equally long. */
  phase?: string | undefined
  side: number
  /** Its cost in forward passes of full-size pictures. */
  work: number
}

export interface TimedEpoch extends PlannedEpoch {
  seconds: number
}

const passesOfTraining: Record<string, number> = { head: 0.2, tail: 0.7, all: 4 }
/** Forward and backward pass of a small network. */
const passesFromScratch = 3

/** @param fullSide side of the pictures as served; cached maps always use it */
export function epochWork(pictures: number, { phase, side }: Omit<PlannedEpoch, 'work'>, fullSide: number): number {
  const passes = phase === undefined ? passesFromScratch : (passesOfTraining[phase] ?? passesFromScratch)
  return pictures * passes * (side / fullSide) ** 2
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
 * @param done epochs of this run; without any there is no estimate
 * @param toCome in their order
 * @param passes of the export and the report, which run on the processor
 */
export function secondsLeft(
  done: readonly TimedEpoch[],
  toCome: readonly PlannedEpoch[],
  passes: { count: number; secondsEach?: number | undefined },
): number | null {
  const recent = done.slice(-3)
  if (recent.length === 0) return null
  const secondsOfPass = sum(recent.map(({ seconds }) => seconds)) / sum(recent.map(({ work }) => work))
  const secondsOf = ({ phase, side, work }: PlannedEpoch): number => {
    const alike = done.filter((epoch) => epoch.phase === phase && epoch.side === side).slice(-3)
    return alike.length === 0 ? work * secondsOfPass : sum(alike.map(({ seconds }) => seconds)) / alike.length
  }
  return sum(toCome.map(secondsOf)) + passes.count * (passes.secondsEach ?? secondsOfPass)
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
