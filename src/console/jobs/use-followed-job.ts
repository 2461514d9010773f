/** Follows a job from the moment it is known until it ends. */
import { useEffect, useState } from 'preact/hooks'
import { followJob, type Job } from '../api/follow-job.js'

export interface FollowedJob {
  job: Job | undefined
  error: unknown
  /** Takes the job from a response; an unfinished one is followed too. */
  setJob: (job: Job) => void
}

export function useFollowedJob(id: string | undefined, onEnd: () => void): FollowedJob {
  const [job, setJob] = useState<Job>()
  const [error, setError] = useState<unknown>()
  const followed = id ?? (job?.finishedAt === null ? job.id : undefined)
  useEffect(() => {
    setError(undefined)
    if (followed === undefined) return undefined
    const leaving = new AbortController()
    const { signal } = leaving
    followJob(followed, { signal, onProgress: (now) => signal.aborted || setJob(now) }).then(
      () => signal.aborted || onEnd(),
      (reason: unknown) => signal.aborted || setError(reason),
    )
    return () => leaving.abort()
  }, [followed])
  return { job, error, setJob }
}
