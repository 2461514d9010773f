/** Estimates the remaining time of a fine-tuning run from the time taken so far. */
import type { RunState } from '../checkpoint.js'
import { epochWork, exportPasses, secondsLeft, secondsOfExportedPass } from '../time-left.js'
import { epochsOf, phaseOf } from './plan.js'
import type { Run } from './run.js'

/** Includes the remaining phases and the export. @returns null while there is no estimate */
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
  const count = exportPasses(data, { report: settings.report, hasInstance: averaged.instanceDimension > 0 })
  return secondsLeft(done, toCome, { count, secondsEach })
}
