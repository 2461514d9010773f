/** Jobs of all kinds, newest first, with their progress; unfinished ones can be paused, resumed and cancelled. */
import { useEffect, useState } from 'preact/hooks'
import type { Job } from '../api/follow-job.js'
import { answerOf, service } from '../api/service.js'
import { Fault } from '../controls/notice.js'
import { JobActions } from './job-actions.js'
import { JobErrors } from './job-errors.js'
import { JobProgress } from './job-progress.js'

const everyMs = 2_000

/** @param gallery only its jobs; undefined: those of all galleries */
export function JobTable({ gallery }: { gallery: string | undefined }) {
  const { jobs, error, refresh } = useJobs(gallery)
  const [errorsOf, setErrorsOf] = useState<Job>()
  return (
    <>
      {error !== undefined && <Fault error={error} />}
      <table class="table">
        <caption>Jobs{gallery !== undefined && <> of {gallery}</>}</caption>
        <thead>
          <tr>
            <th scope="col">Kind</th>
            <th scope="col">Gallery</th>
            <th scope="col">Progress</th>
            <th scope="col">Started</th>
            <th scope="col">
              <span class="unseen">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {jobs.map((job) => (
            <tr key={job.id}>
              <th scope="row">{job.kind}</th>
              <td>{job.gallery}</td>
              <td>
                <JobProgress job={job} />
              </td>
              <td>{new Date(job.startedAt ?? job.createdAt).toLocaleString()}</td>
              <td>
                <JobActions job={job} onChanged={refresh} />
                {job.failed > 0 && (
                  <button type="button" class="quiet" onClick={() => setErrorsOf(job)}>
                    Errors<span class="unseen"> of the {job.kind}</span>
                  </button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {jobs.length === 0 && <p class="hint">No jobs.</p>}
      {errorsOf !== undefined && <JobErrors job={errorsOf} onClose={() => setErrorsOf(undefined)} />}
    </>
  )
}

function useJobs(gallery: string | undefined) {
  const [jobs, setJobs] = useState<Job[]>([])
  const [error, setError] = useState<unknown>()
  const refresh = async () => {
    if (document.hidden) return
    try {
      const query = { limit: 50, ...(gallery !== undefined && { gallery }) }
      setJobs((await answerOf(service.GET('/v1/jobs', { params: { query } }))).jobs)
      setError(undefined)
    } catch (reason) {
      setError(reason)
    }
  }
  useEffect(() => {
    void refresh()
    const timer = setInterval(refresh, everyMs)
    return () => clearInterval(timer)
  }, [gallery])
  return { jobs, error, refresh }
}
