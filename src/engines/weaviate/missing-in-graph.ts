/**
 * Pictures that are stored, but missing from the graph: the server stops a batch that is cancelled between the two, as when this process or
 * its connection dies. Whoever repeats the write finds them stored and leaves them unchanged, so they are looked for by their own vectors.
 * One replica answers, which is enough: where there are several, the server completes the batch on each of them (ADR 0020).
 */
import pMap from 'p-map'
import { ignoring } from '../../errors.js'
import type { ImageCollection } from './image-collection.js'

/** A write is repeated within this time; pictures stored earlier are taken to be in the graph, because looking costs a search each. */
const repeatedWithinMs = 24 * 3_600_000
/** Maximum concurrent searches. */
const searchesAtOnce = 8
/** Among so many nearest neighbours of itself a picture is found, unless they are all equal. */
const nearest = 16
const equalDistance = 1e-5

export interface StoredVector {
  uuid: string
  vector: Float32Array
  stamp: number
}

/** Inserts those that are missing. */
export async function enterMissing(
  collection: Pick<ImageCollection, 'near' | 'writes'>,
  images: readonly Omit<StoredVector, 'stamp'>[],
): Promise<void> {
  const enter = async ({ uuid, vector }: (typeof images)[number]) => {
    const found = await collection.near(vector, { limit: nearest, properties: ['stamp'], vectors: false })
    const areAllEqual = found.length === nearest && found.every(({ distance = 1 }) => distance < equalDistance)
    if (areAllEqual || found.some((one) => one.uuid === uuid)) return
    // another process may have removed it
    await collection.writes.enterAgain(uuid).catch(ignoring('image_not_found'))
  }
  await pMap(images, enter, { concurrency: searchesAtOnce })
}

export function isRecent({ stamp }: Pick<StoredVector, 'stamp'>): boolean {
  return stamp >= (Date.now() - repeatedWithinMs) * 1_000
}
