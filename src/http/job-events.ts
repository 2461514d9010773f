/** What is told to a caller who follows a job: Server-Sent Events, as the HTML standard has them. */
import { setTimeout as sleep } from 'node:timers/promises'
import { AlikeError } from '../errors.js'
import type { JobReport } from '../ingest/ingest.js'

/** A look at a job costs microseconds; nobody sees more than a few changes a second. */
const usualLookMs = 500
/** Proxies close connections that are silent for longer. */
const usualHeartbeatMs = 15_000
/** Time after which a browser that lost the connection comes back. */
const retryMs = 2_000

export interface JobEventsOptions {
  /** The job as it is now, with the progress that its runner knows. @throws AlikeError `job_not_found` */
  report(jobId: string): JobReport
  jobId: string
  view(report: JobReport): object
  /** The caller has left, or the service stops. */
  signal: AbortSignal
  lookEveryMs?: number
  heartbeatEveryMs?: number
}

/** `progress` when something changed, `end` once when the job has ended. Ends with it, or with the signal. */
export async function* jobEvents({ report: reportOf, jobId, view, signal, lookEveryMs = usualLookMs, heartbeatEveryMs = usualHeartbeatMs }: JobEventsOptions): AsyncGenerator<string> {
  yield `retry: ${retryMs}\n\n`
  let last = ''
  let silentSince = Date.now()
  while (!signal.aborted) {
    const report = find(reportOf, jobId)
    if (report === undefined) return
    const { job } = report
    if (job.finishedAt !== null) return yield eventOf('end', endId(jobId), view(report))
    const state = `${job.state} ${job.done} ${job.total}`
    if (state !== last) {
      yield eventOf('progress', String(job.done), view(report))
      last = state
      silentSince = Date.now()
    } else if (Date.now() - silentSince >= heartbeatEveryMs) {
      yield ': still there\n\n'
      silentSince = Date.now()
    }
    await sleep(lookEveryMs, undefined, { signal }).catch(() => {})
  }
}

/** What a browser says when it comes back after the end, to be told that there is nothing more. */
export function endId(jobId: string): string {
  return `end-${jobId}`
}

function eventOf(event: string, id: string, data: object): string {
  return `event: ${event}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`
}

/** Ended jobs are forgotten after a while. */
function find(reportOf: JobEventsOptions['report'], jobId: string): JobReport | undefined {
  try {
    return reportOf(jobId)
  } catch (error) {
    if (error instanceof AlikeError && error.code === 'job_not_found') return undefined
    throw error
  }
}
