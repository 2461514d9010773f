/** Jobs of all kinds with their progress: unfinished ones, which can be paused, resumed and cancelled, then the others, each newest first. */
import { useRef, useState } from 'preact/hooks'
import type { Job } from '../api/follow-job.js'
import { answerOf, service } from '../api/service.js'
import { momentText } from '../controls/dates.js'
import { Fault } from '../controls/notice.js'
import { usePolled } from '../controls/use-polled.js'
import { JobActions } from './job-actions.js'
import { JobErrors } from './job-errors.js'
import { JobProgress } from './job-progress.js'

/** @param gallery only its jobs; undefined: those of all galleries */
export function JobTable({ gallery }: { gallery: string | undefined }) {
  const { jobs, error, replace } = useJobs(gallery)
  const [errorsOf, setErrorsOf] = useState<Job>()
  return (
    <>
      {error !== undefined && <Fault error={error} />}
      <table class="table jobs">
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
          {jobs?.toSorted(unfinishedFirst).map((job) => (
            <tr key={job.id}>
              <th scope="row">{job.kind}</th>
              <td>{job.gallery}</td>
              <td>
                <JobProgress job={job} />
              </td>
              <td>{momentText(job.startedAt ?? job.createdAt)}</td>
              <td>
                <div class="row">
                  <JobActions job={job} onChanged={replace} />
                  {job.failed > 0 && (
                    <button type="button" class="quiet" onClick={() => setErrorsOf(job)}>
                      Errors
                      <span class="unseen">
                        {' '}
                        of the {job.kind} of {job.gallery}
                      </span>
                    </button>
                  )}
                </div>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {jobs?.length === 0 && <p class="hint">No jobs.</p>}
      {errorsOf !== undefined && <JobErrors job={errorsOf} onClose={() => setErrorsOf(undefined)} />}
    </>
  )
}

function unfinishedFirst(a: Job, b: Job): number {
  return Number(a.finishedAt !== null) - Number(b.finishedAt !== null)
}

function useJobs(gallery: string | undefined) {
  const [jobs, setJobs] = useState<Job[]>()
  /** Since the reading under way was requested, which may still hold them as they were. */
  const changed = useRef(new Map<string, Job>())
  const read = async (signal: AbortSignal) => {
    const meanwhile = new Map<string, Job>()
    changed.current = meanwhile
    const query = { limit: 50, ...(gallery !== undefined && { gallery }) }
    const { jobs } = await answerOf(service.GET('/v1/jobs', { params: { query }, signal }))
    if (!signal.aborted) setJobs(jobs.map((one) => meanwhile.get(one.id) ?? one))
  }
  const error = usePolled(read, { inputs: [gallery] })
  const replace = (job: Job) => {
    changed.current.set(job.id, job)
    setJobs((before) => before?.map((one) => (one.id === job.id ? job : one)))
  }
  return { jobs, error, replace }
}
