/** Estimates the remaining time of a fine-tuning run from the time taken so far. */
import type { RunState } from '../checkpoint.js'
import { exportPasses, secondsLeft, secondsOfExportedPass } from '../time-left.js'
import { epochsOf, phaseOf, rowsOfPicture } from './plan.js'
import type { Run } from './run.js'

/** Includes the remaining phases and the export. @returns null while there is no estimate */
export function secondsLeftOf(
  { settings, data, averaged, backend, timed }: Run,
  { epoch }: Pick<RunState, 'epoch'>,
): number | null {
  const fullSide = averaged.preprocessing.inputSize
  const toCome = Array.from({ length: epochsOf(settings.phases) - epoch }, (_, i) => {
    const { trains, side = fullSide } = phaseOf(settings.phases, epoch + i)!.phase
    return { phase: trains, side }
  })
  const size = { pictures: data.train.length * rowsOfPicture(settings), judged: data.val.length, fullSide }
  const { encoder } = averaged
  if (encoder !== undefined && encoder.secondsPerPicture === undefined) return null
  const secondsEach =
    encoder?.secondsPerPicture ??
    (backend.endsWith('(gpu)') ? secondsOfExportedPass(averaged.model.countParams()) : undefined)
  const count = exportPasses(data, { report: settings.report, hasInstance: averaged.instanceDimension > 0 })
  return secondsLeft(timed, toCome, size, { count, secondsEach })
}
