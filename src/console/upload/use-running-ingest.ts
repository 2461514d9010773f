/** An ingest job that goes on in the service: sent by an earlier visit, or by somebody else. */
import { useEffect } from 'preact/hooks'
import type { Job } from '../api/follow-job.js'
import { answerOf, service } from '../api/service.js'
import { useLoaded } from '../controls/use-loaded.js'
import { useFollowedJob } from '../jobs/use-followed-job.js'
import type { UploadWatcher } from './uploads.js'

/**
 * Jobs of a gallery run one after the other, and are followed so.
 * @param isSending this page sends pictures itself, and shows that
 */
export function useRunningIngest(
  gallery: string,
  isSending: boolean,
  { onStored, onEnd }: UploadWatcher,
): { job: Job | undefined; setJob: (job: Job) => void } {
  const { value: id, reload } = useLoaded(
    async (signal) => (isSending ? undefined : firstUnfinished(gallery, signal)),
    [gallery, isSending],
  )
  const { job, setJob } = useFollowedJob(id, () => {
    onEnd()
    reload()
  })
  const running = !isSending && job?.finishedAt === null ? job : undefined
  const stored = running && running.added + running.updated
  useEffect(() => {
    if (stored !== undefined) onStored(stored)
  }, [stored])
  return { job: running, setJob }
}

async function firstUnfinished(gallery: string, signal: AbortSignal): Promise<string | undefined> {
  const query = { gallery, kind: ['ingest' as const], state: ['queued' as const, 'running' as const] }
  const { jobs } = await answerOf(service.GET('/v1/jobs', { params: { query }, signal }))
  return jobs.at(-1)?.id
}
