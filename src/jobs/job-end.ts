/** The end of a job: why it failed, and who is notified. */
import { AlikeError } from '../errors.js'
import type { JobRecord } from './job.js'
import type { JobLogger } from './job-logger.js'

export interface JobEndOptions {
  logger: JobLogger
  /** Called for each job that has ended, for a metric. */
  onEnd?: ((job: JobRecord) => void) | undefined
}

/** Failures of the service itself: their causes are logged as errors. */
const ownFailures: readonly string[] = ['internal', 'data_unreadable', 'job_interrupted']

/**
 * A failed job's failure. If the caller is to blame, it is stored in the job; if the service is, its cause is logged as
 * well.
 */
export function failureBy(cause: unknown, jobId: string, logger: JobLogger): NonNullable<JobRecord['failure']> {
  const error = cause instanceof AlikeError ? cause : new AlikeError('internal', { cause })
  if (ownFailures.includes(error.code)) logger.error({ err: cause, jobId }, 'job failed')
  return failureOf(error)
}

export function failureOf({ code, message }: AlikeError): NonNullable<JobRecord['failure']> {
  return { code, detail: message }
}

export function announceEnd(job: JobRecord, { logger, onEnd }: JobEndOptions): void {
  const { id, kind, state, total, failed, failure, startedAt, finishedAt } = job
  const durationMs =
    startedAt === null || finishedAt === null ? undefined : Date.parse(finishedAt) - Date.parse(startedAt)
  onEnd?.(job)
  const level = state === 'succeeded' || state === 'cancelled' ? 'info' : 'warn'
  logger[level](
    { jobId: id, kind, total, failed, durationMs, code: failure?.code },
    `job ${state.replaceAll('_', ' ')}`,
  )
}
