/** The progress of a job: a bar, its rate, and the remaining time. */
import type { Job } from '../api/follow-job.js'

export function JobProgress({ job }: { job: Job }) {
  const { done, total, failed, skipped, picturesPerSecond, secondsLeft, state, paused, failure } = job
  const share = state === 'queued' ? 0 : job.finishedAt === null ? job.share : 1
  const facts = [
    total === null ? `${done} done` : `${done.toLocaleString('en')} of ${total.toLocaleString('en')}`,
    ...(skipped > 0 ? [`${skipped} skipped`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(picturesPerSecond === null ? [] : [`${picturesPerSecond.toFixed(0)} a second`]),
    ...(secondsLeft === null || job.finishedAt !== null ? [] : [`${Math.ceil(secondsLeft)} s left`]),
  ]
  return (
    <div class="job-progress">
      <progress max={1} value={share} aria-label={`${job.kind} of ${job.gallery}`} />
      <p class="hint">
        {paused && job.finishedAt === null ? 'paused' : state.replaceAll('_', ' ')} · {facts.join(' · ')}
      </p>
      {failure && <p class="hint">{failure.detail}</p>}
    </div>
  )
}
