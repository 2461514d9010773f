/** The failed pictures of a job, with reasons. */
import type { Job } from '../api/follow-job.js'
import { Dialog } from '../controls/dialog.js'
import { Fault } from '../controls/notice.js'
import { useLoaded } from '../controls/use-loaded.js'
import { jobErrors } from './read-job-errors.js'

const shownMax = 500

export function JobErrors({ job, onClose }: { job: Job; onClose: () => void }) {
  const { value = [], error } = useLoaded((signal) => jobErrors(job.id, signal), [job.id])
  return (
    <Dialog title="Pictures that failed" onClose={onClose} wide>
      {error !== undefined && <Fault error={error} />}
      <ul class="stack">
        {value.slice(0, shownMax).map(({ name, code, detail }, place) => (
          <li key={place}>
            <bdi>{name}</bdi> <span class="hint">{detail || code}</span>
          </li>
        ))}
        {value.length > shownMax && <li class="hint">and {(value.length - shownMax).toLocaleString('en')} more</li>}
      </ul>
    </Dialog>
  )
}
