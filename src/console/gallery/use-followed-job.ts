/** Follows a job from the moment its id is known until it ends. */
import { useEffect, useState } from 'preact/hooks'
import { followJob, type Job } from '../api/follow-job.js'

export interface FollowedJob {
  job: Job | undefined
  error: unknown
  /** Takes the job from a response. */
  setJob: (job: Job) => void
}

export function useFollowedJob(id: string | undefined, onEnd: () => void): FollowedJob {
  const [job, setJob] = useState<Job>()
  const [error, setError] = useState<unknown>()
  useEffect(() => {
    setError(undefined)
    if (id === undefined) return undefined
    const leaving = new AbortController()
    const { signal } = leaving
    followJob(id, { signal, onProgress: (now) => signal.aborted || setJob(now) }).then(
      () => signal.aborted || onEnd(),
      (reason: unknown) => signal.aborted || setError(reason),
    )
    return () => leaving.abort()
  }, [id])
  return { job, error, setJob }
}
