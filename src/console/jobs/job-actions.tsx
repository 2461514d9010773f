/** Pauses, resumes and cancels an unfinished job, if the key may. */
import { useState } from 'preact/hooks'
import type { Job } from '../api/follow-job.js'
import { answerOf, service } from '../api/service.js'
import { Needs } from '../controls/needs.js'
import { say } from '../controls/toasts.js'

export interface JobActionsProps {
  job: Job
  /** Receives the changed job. */
  onChanged: (job: Job) => void
}

export function JobActions({ job, onChanged }: JobActionsProps) {
  const [busy, setBusy] = useState(false)
  if (job.finishedAt !== null) return null
  const act = async (call: () => Promise<Job>) => {
    setBusy(true)
    try {
      onChanged(await call())
    } catch (error) {
      // it may have ended in the meantime
      say(error instanceof Error ? error.message : String(error))
    }
    setBusy(false)
  }
  const params = { path: { job: job.id } }
  const steer = (paused: boolean) => act(() => answerOf(service.PATCH('/v1/jobs/{job}', { params, body: { paused } })))
  const cancel = () => act(() => answerOf(service.DELETE('/v1/jobs/{job}', { params })))
  return (
    <span class="row">
      <Needs to={['write', job.kind]}>
        <button type="button" class="quiet" disabled={busy} onClick={() => steer(!job.paused)}>
          {job.paused ? 'Resume' : 'Pause'}
          <span class="unseen"> the {job.kind}</span>
        </button>
        <button type="button" class="quiet" disabled={busy} onClick={cancel}>
          Cancel<span class="unseen"> the {job.kind}</span>
        </button>
      </Needs>
    </span>
  )
}
