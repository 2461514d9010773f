/** Whether a job may be begun again after the process has died over it, and how. */
import { AlikeError } from '../errors.js'
import type { JobRecord, JobTrials } from './job.js'

/** An item over which the process died so often while nothing else was at work is given up; and a job with so many of them. */
const aloneTriesMax = 2
const givenUpMax = 5

export interface Trial {
  /** To be durable before anything of the job is at work, so that a process which dies over it is noticed by the next. */
  trials: JobTrials
  /** Processes that died over the job since it last got further. */
  deaths: number
  /** Index of the item that is given up now. */
  giveUp: number | undefined
}

/**
 * @param begunHere this process has begun the job already: what is noted of its runs is no death
 * @throws AlikeError `job_interrupted` when the process has died too often
 */
export function nextTrial(job: JobRecord, { begunHere, deathsMax }: { begunHere: boolean; deathsMax: number }): Trial {
  // A stop in peace leaves its job waiting: one that runs while nobody runs it was running when the process died.
  const died = job.state === 'running' && !begunHere
  const deaths = died ? deathsOf(job) : 0
  const alone = died ? (job.trials?.alone ?? null) : null
  const givenUp = job.trials?.givenUp ?? 0
  const giveUp = alone !== null && alone.tries >= aloneTriesMax ? alone.item : undefined
  if (giveUp === undefined && deaths >= deathsMax)
    throw interrupted(`That happened ${deaths} times without the job getting further.`)
  if (giveUp !== undefined && givenUp >= givenUpMax)
    throw interrupted(`It holds more than ${givenUpMax} pictures over which that happens.`)
  return { trials: { runs: deaths + 1, alone, givenUp }, deaths, giveUp }
}

/** Analyses of older versions had no trials; they were told as interrupted after their first death. */
function deathsOf({ trials, failure }: JobRecord): number {
  return trials?.runs ?? (failure === null ? 1 : 2)
}

function interrupted(detail: string): AlikeError {
  return new AlikeError('job_interrupted', { detail })
}
