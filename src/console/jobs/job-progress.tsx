/** The progress of a job: a bar, its rate, and the remaining time. */
import type { Job } from '../api/follow-job.js'
import { durationText } from '../controls/durations.js'

export function JobProgress({ job }: { job: Job }) {
  const { done, total, failed, skipped, picturesPerSecond, secondsLeft, state, paused, failure } = job
  const isDone = state === 'succeeded' || state === 'completed_with_errors'
  const share = state === 'queued' ? 0 : isDone ? 1 : job.share
  const facts = [
    total === null ? `${count(done)} done` : `${count(done)} of ${count(total)}`,
    ...(skipped > 0 ? [`${count(skipped)} skipped`] : []),
    ...(failed > 0 ? [`${count(failed)} failed`] : []),
    ...(picturesPerSecond === null ? [] : [`${rateText(picturesPerSecond)} a second`]),
    ...(secondsLeft === null || job.finishedAt !== null ? [] : [`${durationText(secondsLeft)} left`]),
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

function count(pictures: number): string {
  return pictures.toLocaleString('en')
}

/** Slow ones with a decimal: they are not standing still. */
function rateText(perSecond: number): string {
  return perSecond < 10 ? perSecond.toFixed(1) : Math.round(perSecond).toLocaleString('en')
}
