/** How long a run of fine-tuning still takes, from what it took so far. */
import type { RunState } from '../checkpoint.js'
import { epochWork, exportPasses, secondsLeft, secondsOfExportedPass } from '../time-left.js'
import { epochsOf, phaseOf } from './plan.js'
import type { Run } from './run.js'

/** Phases and the export that remain. @returns null where there is no telling yet */
export function secondsLeftOf({ settings, data, averaged, backend }: Run, { epoch, history }: RunState): number | null {
  const fullSide = averaged.preprocessing.inputSize
  const planned = (phase: string | undefined, side: number) => ({
    phase,
    side,
    work: epochWork(data.train.length, { phase, side }, fullSide),
  })
  const done = history.map(({ phase, side, seconds }) => ({ ...planned(phase, side), seconds }))
  const toCome = Array.from({ length: epochsOf(settings.phases) - epoch }, (_, i) => {
    const { trains, side = fullSide } = phaseOf(settings.phases, epoch + i)!.phase
    return planned(trains, side)
  })
  const secondsEach = backend.endsWith('(gpu)') ? secondsOfExportedPass(averaged.model.countParams()) : undefined
  return secondsLeft(done, toCome, { count: exportPasses(data, settings.report), secondsEach })
}
