/** Changes many pictures: labels and metadata one by one, removal as one job. */
import pMap from 'p-map'
import { followJob, type Job } from '../api/follow-job.js'
import { answerOf, fetchFrom, service } from '../api/service.js'
import type { GalleryImage } from './image-list.js'

const atOnce = 6

export interface ImageChange {
  label?: string | null | undefined
  /** Members to set; null removes one. */
  metadata?: Record<string, unknown> | undefined
}

/** Its current metadata; irrelevant if only the label changes. */
type Changed = Pick<GalleryImage, 'id' | 'metadata'>

export interface ChangeOptions {
  gallery: string
  images: readonly Changed[]
  change: ImageChange
  onChanged: (image: GalleryImage) => void
}

/** Returns those that could not be changed. */
export async function changeImages({
  gallery,
  images,
  change,
  onChanged,
}: ChangeOptions): Promise<Map<string, unknown>> {
  const failed = new Map<string, unknown>()
  const changeNext = async (image: Changed) => {
    try {
      onChanged(await changeOne(gallery, image, change))
    } catch (error) {
      failed.set(image.id, error)
    }
  }
  await pMap(images, changeNext, { concurrency: atOnce })
  return failed
}

function changeOne(
  gallery: string,
  { id, metadata: before }: Changed,
  { label, metadata }: ImageChange,
): Promise<GalleryImage> {
  return answerOf(
    service.PATCH('/v1/galleries/{gallery}/images/{id}', {
      params: { path: { gallery, id } },
      body: {
        ...(label !== undefined && { label }),
        ...(metadata !== undefined && { metadata: merged(before, metadata) }),
      },
    }),
  )
}

/** A null that was there before stays: only one in the change removes its member. */
function merged(before: Record<string, unknown>, change: Record<string, unknown>): Record<string, unknown> {
  const members = Object.entries({ ...before, ...change })
  return Object.fromEntries(members.filter(([name]) => !Object.hasOwn(change, name) || change[name] !== null))
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
