/** Pauses, resumes and cancels an unfinished job, if the key may. */
import { useState } from 'preact/hooks'
import { useMay } from '../api/caller.js'
import type { Job } from '../api/follow-job.js'
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
  const role = adminKinds.includes(job.kind) ? 'admin' : 'write'
  const may = useMay(role)
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
      <button type="button" class="quiet" disabled={busy || may !== true} onClick={() => steer(!job.paused)}>
        {job.paused ? 'Resume' : 'Pause'}
        <span class="unseen"> the {job.kind}</span>
      </button>
      <button type="button" class="quiet" disabled={busy || may !== true} onClick={cancel}>
        Cancel<span class="unseen"> the {job.kind}</span>
      </button>
      {may === false && <span class="hint">needs a key with the role {role}</span>}
    </span>
  )
}
