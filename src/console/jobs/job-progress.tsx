/** The progress of a job: its rate, the remaining time, and a bar until it ends. */
import type { Job } from '../api/follow-job.js'
import { progressText } from './progress-text.js'

export function JobProgress({ job }: { job: Job }) {
  const { kind, gallery, state, share, finishedAt, failure } = job
  return (
    <div class="job-progress">
      {finishedAt === null && (
        <progress max={1} value={state === 'queued' ? 0 : share} aria-label={`${kind} of ${gallery}`} />
      )}
      <p class="hint">{progressText(job)}</p>
      {failure && <p class="hint">{failure.detail}</p>}
    </div>
  )
}
