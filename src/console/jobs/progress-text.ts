/** The progress of a job in words. Pure. */
import { countText } from '../controls/counts.js'
import { durationText } from '../controls/durations.js'

export interface Progress {
  kind: string
  state: string
  paused: boolean
  done: number
  total: number | null
  skipped: number
  failed: number
  picturesPerSecond: number | null
  secondsLeft: number | null
  finishedAt: string | null
}

export function progressText(job: Progress): string {
  const { kind, state, paused, done, total, skipped, failed, picturesPerSecond, secondsLeft, finishedAt } = job
  const countsSteps = kindsOfSteps.has(kind)
  const unit = countsSteps ? 'step' : 'picture'
  return [
    paused && finishedAt === null ? 'paused' : state.replaceAll('_', ' '),
    ...(done === 0 && total === null ? [] : [doneText(done, total, unit)]),
    ...(skipped > 0 ? [`${count(skipped)} skipped`] : []),
    ...(failed > 0 ? [`${count(failed)} failed`] : []),
    ...(picturesPerSecond === null || countsSteps ? [] : [`${rateText(picturesPerSecond)} a second`]),
    ...(secondsLeft === null || finishedAt !== null ? [] : [`${durationText(secondsLeft)} left`]),
  ].join(' · ')
}

/** They look at each picture several times, or at all of them at once. */
const kindsOfSteps = new Set(['evaluate', 'doctor', 'layout'])

function doneText(done: number, total: number | null, unit: string): string {
  return total === null ? `${countText(done, unit)} done` : `${count(done)} of ${countText(total, unit)}`
}

function count(pictures: number): string {
  return pictures.toLocaleString('en')
}

/** Slow ones with a decimal: they are not standing still. */
function rateText(perSecond: number): string {
  return perSecond < 10 ? perSecond.toFixed(1) : Math.round(perSecond).toLocaleString('en')
}
