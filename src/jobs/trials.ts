/** Whether a job may be started again after the process has crashed during it, and how. */
import { AlikeError } from '../errors.js'
import type { JobRecord, JobTrials } from './job.js'

/**
 * An item on which the process crashed this often while nothing else was running is skipped; a job with this many of
 * them fails.
 */
const aloneTriesMax = 2
const givenUpMax = 5

export interface Trial {
  /** Must be durable before the run begins, so that the next process notices a crash. */
  trials: JobTrials
  /** Crashes during the job since it last made progress. */
  deaths: number
  /** Index of the item to skip in this run. */
  giveUp: number | undefined
}

/**
 * @param begunHere this process has already started the job: its recorded runs do not mean a crash
 * @throws AlikeError `job_interrupted` if the process has crashed too often
 */
export function nextTrial(job: JobRecord, { begunHere, deathsMax }: { begunHere: boolean; deathsMax: number }): Trial {
  // A graceful stop leaves its job waiting: a job stored as running, without a process that runs it, was running when its process died.
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

/** Analyses of older versions recorded no trials; they failed as interrupted after the first crash. */
function deathsOf({ trials, failure }: JobRecord): number {
  return trials?.runs ?? (failure === null ? 1 : 2)
}

function interrupted(detail: string): AlikeError {
  return new AlikeError('job_interrupted', { detail })
}
