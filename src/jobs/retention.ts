/** Deletes jobs, of whatever kind, that ended too long ago. */
import type { JobLogger } from './job-logger.js'
import type { JobStore } from './job-store.js'

export interface RetentionOptions {
  store: JobStore
  /** How long ended jobs are retained. */
  jobsKeptDays: number
  logger: JobLogger
}

const dayMs = 86_400_000

export async function forgetOld({ store, jobsKeptDays, logger }: RetentionOptions): Promise<void> {
  // Including the current millisecond, in which a job may just have ended.
  const before = new Date(Date.now() + 1 - jobsKeptDays * dayMs).toISOString()
  await store.forget(before).catch((error: unknown) => logger.error({ err: error }, 'old jobs could not be deleted'))
}
