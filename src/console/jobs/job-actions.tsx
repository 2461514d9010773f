/** Pauses, resumes and cancels an unfinished job, if the key may. */
import type { Job } from '../api/follow-job.js'
import { answerOf, service } from '../api/service.js'
import { Needs } from '../controls/needs.js'
import { sayFault } from '../controls/toasts.js'
import { useAction } from '../controls/use-action.js'

export interface JobActionsProps {
  job: Job
  /** Receives the changed job. */
  onChanged: (job: Job) => void
}

export function JobActions({ job, onChanged }: JobActionsProps) {
  const { busy, act } = useAction()
  if (job.finishedAt !== null) return null
  // it may have ended in the meantime
  const change = (call: () => Promise<Job>) => act(() => call().then(onChanged, sayFault))
  const of = (
    <span class="unseen">
      {' '}
      the {job.kind} of {job.gallery}
    </span>
  )
  const params = { path: { job: job.id } }
  const steer = (paused: boolean) =>
    change(() => answerOf(service.PATCH('/v1/jobs/{job}', { params, body: { paused } })))
  const cancel = () => change(() => answerOf(service.DELETE('/v1/jobs/{job}', { params })))
  return (
    <span class="row">
      <Needs to={['write', job.kind]}>
        <button type="button" class="quiet" aria-disabled={busy} onClick={() => steer(!job.paused)}>
          {job.paused ? 'Resume' : 'Pause'}
          {of}
        </button>
        <button type="button" class="quiet" aria-disabled={busy} onClick={cancel}>
          Cancel
          {of}
        </button>
      </Needs>
    </span>
  )
}
