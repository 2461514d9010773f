/** Pauses, resumes and cancels an unfinished job, if the key may. */
import { useState } from 'preact/hooks'
import type { Job } from '../api/follow-job.js'
import { useMayAdminister } from '../api/may-administer.js'
import { answerOf, service } from '../api/service.js'
import { say } from '../controls/toasts.js'

export interface JobActionsProps {
  job: Job
  /** Receives the changed job. */
  onChanged: (job: Job) => void
}

/** Only those who may start such a job may steer it. */
const adminKinds: readonly Job['kind'][] = ['re-embedding', 'move']

export function JobActions({ job, onChanged }: JobActionsProps) {
  const [busy, setBusy] = useState(false)
  const isForAdmins = adminKinds.includes(job.kind)
  const mayAdminister = useMayAdminister(isForAdmins && job.finishedAt === null)
  const may = !isForAdmins || mayAdminister === true
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
      <button type="button" class="quiet" disabled={busy || !may} onClick={() => steer(!job.paused)}>
        {job.paused ? 'Resume' : 'Pause'}
        <span class="unseen"> the {job.kind}</span>
      </button>
      <button type="button" class="quiet" disabled={busy || !may} onClick={cancel}>
        Cancel<span class="unseen"> the {job.kind}</span>
      </button>
      {isForAdmins && mayAdminister === false && <span class="hint">needs a key with the role admin</span>}
    </span>
  )
}
