/** The layout of a gallery: computed by a job, loaded page by page. */
import type { Job } from '../api/follow-job.js'
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
export function startLayout(gallery: string): Promise<Job> {
  return answerOf(service.POST('/v1/galleries/{gallery}/layout', { params: { path: { gallery } } }))
}

/** The job that computes it now, or will. @throws ServiceError */
export async function unfinishedLayout(gallery: string, signal: AbortSignal): Promise<Job | undefined> {
  const query = { gallery, kind: ['layout' as const], state: ['queued' as const, 'running' as const] }
  const { jobs } = await answerOf(service.GET('/v1/jobs', { params: { query }, signal }))
  return jobs[0]
}

function readPage(gallery: string, cursor: string | undefined, signal: AbortSignal): Promise<Layout> {
  const query = { limit: 20_000, ...(cursor !== undefined && { cursor }) }
  return answerOf(service.GET('/v1/galleries/{gallery}/layout', { params: { path: { gallery }, query }, signal }))
}
