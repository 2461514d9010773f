/** Renews this process's claim of a job while it runs, and notices what other processes did to it. */
import type { RunReading } from './job.js'
import type { JobLogger } from './job-logger.js'
import type { JobStore } from './job-store.js'

export interface RenewedJob {
  readonly id: string
  readonly reading: RunReading | undefined
  stop(reason: 'cancelled' | 'paused' | 'rested' | 'lost'): void
}

export interface RenewingOptions {
  store: JobStore
  renewEveryMs: number
  /** Then the claim is released, for any process to claim again. */
  maxMs: number
  logger: JobLogger
}

/**
 * Until `end`, or until the job is to be stopped. If the store is unavailable, it retries: the lease lasts several
 * renewals.
 */
export function renewing(job: RenewedJob, { store, renewEveryMs, maxMs, logger }: RenewingOptions): { end(): void } {
  const startedAt = performance.now()
  let timer: NodeJS.Timeout
  let ended = false
  const renew = async (): Promise<void> => {
    try {
      const now = await store.renew(job.id, job.reading)
      if (ended) return
      if (now === undefined) return job.stop('lost')
      if (now.finishedAt !== null) return job.stop('cancelled')
      if (now.paused) return job.stop('paused')
      if (performance.now() - startedAt > maxMs) return job.stop('rested')
    } catch (error) {
      logger.warn({ err: error, jobId: job.id }, 'the lease of a job could not be renewed')
    }
    if (!ended) renewLater()
  }
  const renewLater = () => void (timer = setTimeout(() => void renew(), renewEveryMs))
  renewLater()
  return {
    end() {
      ended = true
      clearTimeout(timer)
    },
  }
}
