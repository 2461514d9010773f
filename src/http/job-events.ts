/** Events for a client that follows a job: server-sent events, as defined by the HTML standard. */
import { followJob } from '../jobs/following.js'
import type { JobReport, Jobs } from '../jobs/jobs.js'

/** Proxies close connections that are idle for longer. */
const usualHeartbeatMs = 15_000
/** Delay after which a browser that lost the connection reconnects. */
const retryMs = 2_000

export interface JobEventsOptions {
  jobs: Jobs
  jobId: string
  view(report: JobReport): object
  /** Whether the client may still read the job; asked before each event. */
  mayRead(): Promise<boolean>
  /** The client has disconnected, or the service is stopping. */
  signal: AbortSignal
  /** See `followJob`. */
  lookEveryMs?: number | undefined
  heartbeatEveryMs?: number | undefined
}

/**
 * `progress` when something has changed, `end` once when the job has ended. Ends with the job, with the signal, or once
 * the client may not read the job any more.
 */
export async function* jobEvents({
  jobs,
  jobId,
  view,
  mayRead,
  signal,
  lookEveryMs,
  heartbeatEveryMs = usualHeartbeatMs,
}: JobEventsOptions): AsyncGenerator<string> {
  yield `retry: ${retryMs}\n\n`
  let silentSince = performance.now()
  for await (const look of followJob(jobs, jobId, { signal, lookEveryMs })) {
    if (!(await mayRead())) return
    if (look.event === 'still' && performance.now() - silentSince < heartbeatEveryMs) continue
    silentSince = performance.now()
    yield look.event === 'still'
      ? ': still there\n\n'
      : eventOf(look.event, look.event === 'end' ? endId(jobId) : String(look.report.job.done), view(look.report))
  }
}

/** Id of the `end` event: a browser that reconnects with it is told that there is nothing more. */
export function endId(jobId: string): string {
  return `end-${jobId}`
}

function eventOf(event: string, id: string, data: object): string {
  return `event: ${event}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`
}
