/** Pictures without files, and what the service has no use for: how to store, delete and read them in one call. */
import { createHash } from 'node:crypto'
import type { Galleries } from '../../src/gallery/galleries.js'
import type { GalleryImages } from '../../src/gallery/gallery-images.js'
import type { JobProgress } from '../../src/gallery/job-progress.js'
import type { GalleryRecord, NewImage, PutResult } from '../../src/gallery/records.js'

export const model = { id: '00000000000000aa', dimension: 32 }

export function newImage(id: string, vector: Float32Array, more: Partial<NewImage> = {}): NewImage {
  return {
    id,
    label: null,
    metadata: {},
    contentHash: createHash('sha256').update(id).digest('hex'),
    modelId: model.id,
    vector,
    width: 640,
    height: 480,
    format: 'jpeg',
    bytes: 12_345,
    thumbnail: Buffer.from(`thumbnail of ${id}`),
    ...more,
  }
}

export async function putImages(
  images: GalleryImages,
  gallery: string,
  stored: readonly NewImage[],
  progress?: JobProgress,
): Promise<PutResult[]> {
  const steps = stored.map((put) => ({ put }))
  return (await images.change(gallery, steps, progress)) as PutResult[]
}

/** @returns the ids that existed */
export async function removeImages(images: GalleryImages, gallery: string, ids: readonly string[]): Promise<string[]> {
  const steps = ids.map((remove) => ({ remove }))
  const results = await images.change(gallery, steps)
  return ids.filter((_, i) => 'removed' in results[i]!)
}

/** [dimension] */
export async function embeddingOf(
  galleries: Galleries,
  gallery: string,
  id: string,
): Promise<Float32Array | undefined> {
  return (await galleries.searches.serving(gallery)).examples.vector(id)
}

export async function copyDescriptorOf(
  galleries: Galleries,
  gallery: string,
  id: string,
): Promise<Uint8Array | undefined> {
  return (await galleries.searches.serving(gallery)).examples.copies.descriptor(id)
}

/** All of them, by name. */
export async function listGalleries(galleries: Galleries): Promise<GalleryRecord[]> {
  const listed: GalleryRecord[] = []
  for await (const slice of galleries.slices({ after: '', limit: Infinity, maxLength: Infinity }))
    listed.push(...slice.galleries)
  return listed
}
