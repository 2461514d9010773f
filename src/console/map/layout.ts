/** The layout of a gallery: computed by a job, loaded page by page. */
import { followJob, type Job } from '../api/follow-job.js'
import { answerOf, type Schemas, service } from '../api/service.js'
import { ServiceError } from '../api/service-error.js'

export type Layout = Schemas['Layout']
export type LayoutPoint = Layout['points'][number]

/** Undefined if there is none yet. @throws ServiceError */
export async function readLayout(gallery: string, signal: AbortSignal): Promise<Layout | undefined> {
  try {
    const first = await readPage(gallery, undefined, signal)
    const points = [...first.points]
    for (let cursor = first.nextCursor; cursor !== undefined; ) {
      const page = await readPage(gallery, cursor, signal)
      points.push(...page.points)
      cursor = page.nextCursor
    }
    return { ...first, points }
  } catch (error) {
    if (error instanceof ServiceError && error.problem.code === 'layout_missing') return undefined
    throw error
  }
}

/** @throws ServiceError */
export async function makeLayout(gallery: string, signal: AbortSignal, onProgress: (job: Job) => void): Promise<Job> {
  const job = await answerOf(service.POST('/v1/galleries/{gallery}/layout', { params: { path: { gallery } }, signal }))
  onProgress(job)
  return followJob(job.id, { signal, onProgress })
}

function readPage(gallery: string, cursor: string | undefined, signal: AbortSignal): Promise<Layout> {
  const query = { limit: 20_000, ...(cursor !== undefined && { cursor }) }
  return answerOf(service.GET('/v1/galleries/{gallery}/layout', { params: { path: { gallery }, query }, signal }))
}
