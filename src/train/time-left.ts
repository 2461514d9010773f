/**
 * How long the rest of a run takes. Work is counted in forward passes of pictures at full size; what a pass costs here, the
 * epochs that are done tell. The ratios were measured with ResNet-50 on one core: 54 ms forward, 39 for the tail from cached
 * maps, 220 for every layer (docs/training.md).
 */
import { availableParallelism } from 'node:os'
import { editedCopiesOf } from './edited-copies.js'
import type { TrainingData } from './training-data.js'

export interface PlannedEpoch {
  /** Epochs of one phase and side take as long as each other. */
  phase?: string | undefined
  side: number
  /** Forward passes of full-size pictures that it costs. */
  work: number
}

export interface TimedEpoch extends PlannedEpoch {
  seconds: number
}

const passesOfTraining: Record<string, number> = { head: 0.2, tail: 0.7, all: 4 }
/** Of a small network, forward and backward. */
const passesFromNothing = 3

/** @param fullSide of the pictures as served; cached maps are always of those */
export function epochWork(pictures: number, { phase, side }: Omit<PlannedEpoch, 'work'>, fullSide: number): number {
  const passes = phase === undefined ? passesFromNothing : (passesOfTraining[phase] ?? passesFromNothing)
  return pictures * passes * (side / fullSide) ** 2
}

/** Pictures that go through the network once a run's epochs are done: what is chosen on val, and the report. */
export function exportPasses(
  { val, test, train }: Pick<TrainingData, 'val' | 'test' | 'train'>,
  report: boolean,
): number {
  const choosing = 2 * val.length + editedCopiesOf(val.length)
  return report
    ? choosing + train.length + val.length + viewsOfTest * test.length + editedCopiesOf(test.length)
    : choosing
}
/** One as served, and four that are averaged. */
const viewsOfTest = 5

/**
 * @param done epochs of this run; none: there is no telling
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

/** Of the exported network on the processor, where a GPU trains: 36 ms on one core for ResNet-50, and by the number of weights. */
export function secondsOfExportedPass(weights: number): number {
  return (0.036 * weights) / 25.6e6 / availableParallelism()
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
