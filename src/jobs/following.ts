/** Changes of a job, for a client that follows it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { hasCode } from '../errors.js'
import type { JobKind } from './job.js'
import type { JobReport, Jobs } from './jobs.js'

/** More than a few updates per second are no use to anybody. */
const usualLookMs = 500

/** `still`: a check that found nothing new. */
export type JobUpdate = { event: 'progress' | 'end'; report: JobReport } | { event: 'still' }

export interface FollowOptions {
  /** The client has disconnected, or the service is stopping. */
  signal: AbortSignal
  lookEveryMs?: number | undefined
}

/**
 * `progress` first and whenever something has changed, `end` once and last. Ends with the job, with its deletion, or
 * with the signal.
 */
export async function* followJob(
  jobs: Jobs,
  jobId: string,
  { signal, lookEveryMs = usualLookMs }: FollowOptions,
): AsyncGenerator<JobUpdate> {
  let kind: JobKind | undefined
  for (let last = ''; !signal.aborted; ) {
    // from before it is read, or a change during the pause would be seen only with the next one
    const changed = kind && jobs.changed(jobId, kind, signal)
    const report = await find(jobs, jobId)
    if (report === undefined) return
    const { state, done, total, paused, priority, finishedAt } = report.job
    if (finishedAt !== null) return yield { event: 'end', report }
    const now = `${state} ${done} ${total} ${paused} ${priority}`
    yield now === last ? { event: 'still' } : { event: 'progress', report }
    last = now
    await sleep(lookEveryMs, undefined, { signal }).catch(() => {})
    await changed
    kind = report.job.kind
  }
}

/** Ended jobs are deleted after a while. */
async function find(jobs: Jobs, jobId: string): Promise<JobReport | undefined> {
  try {
    return await jobs.report(jobId)
  } catch (error) {
    if (hasCode(error, 'job_not_found')) return undefined
    throw error
  }
}
