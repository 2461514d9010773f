/** A job's throughput, and the time left at that pace. */
import type { JobRecord, RunReading } from './job.js'

export interface JobPace {
  /** Share of the source that has been read, 0..1. */
  share: number
  picturesPerSecond: number | null
  secondsLeft: number | null
}

/** @param run undefined if the job is not running in this process */
export function paceOf(job: JobRecord, run: RunReading | undefined): JobPace {
  if (run === undefined) return paceOfRest(job)
  const seconds = run.elapsedMs / 1000
  const rate = run.doneInThisRun > 0 && seconds > 0 ? run.doneInThisRun / seconds : null
  // By count if the total is known, otherwise by bytes.
  const share = job.total === null ? run.share : job.total === 0 ? 1 : job.done / job.total
  if (job.total !== null)
    return { share, picturesPerSecond: rate, secondsLeft: rate === null ? null : (job.total - job.done) / rate }
  const sharePerSecond = (run.share - run.shareAtStart) / seconds
  return {
    share,
    picturesPerSecond: rate,
    secondsLeft: rate === null || !(sharePerSecond > 0) ? null : (1 - run.share) / sharePerSecond,
  }
}

function paceOfRest(job: JobRecord): JobPace {
  if (job.state !== 'succeeded' && job.state !== 'completed_with_errors') {
    return {
      share: job.total === null || job.total === 0 ? 0 : job.done / job.total,
      picturesPerSecond: null,
      secondsLeft: null,
    }
  }
  const seconds = (Date.parse(job.finishedAt ?? '') - Date.parse(job.startedAt ?? '')) / 1000
  return { share: 1, picturesPerSecond: seconds > 0 ? job.done / seconds : null, secondsLeft: 0 }
}
