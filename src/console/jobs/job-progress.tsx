/** The progress of a job: a bar, its rate, and the remaining time. */
import type { Job } from '../api/follow-job.js'
import { progressText } from './progress-text.js'

export function JobProgress({ job }: { job: Job }) {
  const { kind, gallery, state, failure } = job
  const isDone = state === 'succeeded' || state === 'completed_with_errors'
  const share = state === 'queued' ? 0 : isDone ? 1 : job.share
  return (
    <div class="job-progress">
      <progress max={1} value={share} aria-label={`${kind} of ${gallery}`} />
      <p class="hint">{progressText(job)}</p>
      {failure && <p class="hint">{failure.detail}</p>}
    </div>
  )
}
