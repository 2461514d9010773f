/** Changes many pictures: labels and metadata one by one, removal as one job. */
import pMap from 'p-map'
import { followJob, type Job } from '../api/follow-job.js'
import { answerOf, fetchFrom, service } from '../api/service.js'
import { ServiceError } from '../api/service-error.js'
import { picturesText } from '../controls/counts.js'
import { say, sayFault } from '../controls/toasts.js'
import type { GalleryImage } from './image-list.js'

const atOnce = 6
/** For a picture that others change at the same time. */
const triesMax = 5

export interface ImageChange {
  label?: string | null
  /** Members to set; null removes one. */
  metadata?: Record<string, unknown>
}

/** With its metadata as it was shown; irrelevant if only the label changes. */
type Changed = Pick<GalleryImage, 'id' | 'metadata'>

export interface ChangeOptions {
  gallery: string
  images: readonly Changed[]
  change: ImageChange
  /** Receives records as they are now, also that of a picture which somebody else has changed. */
  onChanged: (image: GalleryImage) => void
}

/** Returns those that could not be changed. */
export async function changeImages(options: ChangeOptions): Promise<Map<string, unknown>> {
  const failed = new Map<string, unknown>()
  const changeNext = async (image: Changed) => {
    try {
      await changeOne(image, options)
    } catch (error) {
      failed.set(image.id, error)
    }
  }
  await pMap(options.images, changeNext, { concurrency: atOnce })
  return failed
}

async function changeOne(image: Changed, options: ChangeOptions): Promise<void> {
  for (let triesLeft = triesMax; ; triesLeft--)
    try {
      return options.onChanged(await tryChange(image, options))
    } catch (error) {
      const isOvertaken = error instanceof ServiceError && error.problem.code === 'precondition_failed'
      if (!isOvertaken || triesLeft === 1) throw error
    }
}

/** @throws ServiceError `precondition_failed` if somebody else changes the picture between reading and writing its metadata */
async function tryChange(
  { id, metadata: shown }: Changed,
  { gallery, change, onChanged }: ChangeOptions,
): Promise<GalleryImage> {
  const path = { gallery, id }
  if (change.metadata === undefined)
    return answerOf(service.PATCH('/v1/galleries/{gallery}/images/{id}', { params: { path }, body: change }))
  // metadata is replaced as a whole, and members may have been set since it was shown
  const call = service.GET('/v1/galleries/{gallery}/images/{id}', { params: { path } })
  const now = await answerOf(call)
  const other = Object.keys(change.metadata).find((name) => !isSame(shown[name], now.metadata[name]))
  if (other !== undefined) {
    onChanged(now)
    throw new Error(
      `${other} of ${id} has been changed meanwhile. It is shown as it is now: set it again to replace it.`,
    )
  }
  const version = (await call).response.headers.get('etag')
  return answerOf(
    service.PATCH('/v1/galleries/{gallery}/images/{id}', {
      params: { path, header: version === null ? {} : { 'if-match': version } },
      body: { ...change, metadata: merged(now.metadata, change.metadata) },
    }),
  )
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

/** A null that was there before stays: only one in the change removes its member. */
function merged(before: Record<string, unknown>, change: Record<string, unknown>): Record<string, unknown> {
  const members = Object.entries({ ...before, ...change })
  return Object.fromEntries(members.filter(([name]) => !Object.hasOwn(change, name) || change[name] !== null))
}

/** @param failed those that could not be changed, with the reason */
export function sayChanged(count: number, failed: ReadonlyMap<string, unknown>): void {
  const done = `${picturesText(count - failed.size)} changed`
  const [first] = failed.values()
  if (failed.size === 0) say(`${done}.`)
  else sayFault(`${done}, ${failed.size.toLocaleString('en')} not: ${(first as Error).message}`)
}

/** Resolves when they have been removed. @throws ServiceError, and an Error if some could not be removed */
export async function removeImages(gallery: string, ids: Iterable<string>): Promise<void> {
  const lines = [...ids].map((id) => `${JSON.stringify({ delete: { id } })}\n`)
  const response = await fetchFrom(`v1/galleries/${gallery}/ingest`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: new Blob(lines),
  })
  const { id } = (await response.json()) as Job
  const { state, failed, failure } = await followJob(id, { signal: new AbortController().signal })
  if (state !== 'succeeded') throw new Error(failure?.detail ?? (failed > 0 ? `${failed} failed` : state))
}
