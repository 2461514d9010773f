/** The failed pictures of a job, with reasons. */
import type { Job } from '../api/follow-job.js'
import { Dialog } from '../controls/dialog.js'
import { Fault } from '../controls/notice.js'
import { useLoaded } from '../controls/use-loaded.js'
import { FailedImages } from './failed-images.js'
import { jobErrors } from './read-job-errors.js'

export function JobErrors({ job, onClose }: { job: Job; onClose: () => void }) {
  const { value = [], error, reload } = useLoaded((signal) => jobErrors(job.id, signal), [job.id])
  return (
    <Dialog title="Pictures that failed" onClose={onClose} wide>
      {error !== undefined && <Fault error={error} onAgain={reload} />}
      <ul class="stack">
        <FailedImages failed={value} shownMax={500} />
      </ul>
    </Dialog>
  )
}
