/** Near-copies by descriptors, which are read from the server and compared here in slices. */
import { descriptorBytes, descriptorWords } from '../../copies/copy-descriptor.js'
import { nearCopyScore, queryWords, wordsOf } from '../../copies/near-copy-score.js'
import type { CopiesWanted, Identified, SetCopies, UndescribedPage } from '../../gallery/engine.js'
import { nextTurn } from '../../turns.js'
import { undescribedToken } from './filter-tokens.js'
import type { ImageCollection } from './image-collection.js'
import { bytesOf, type Found, uuidOf } from './image-object.js'
import { anyToken } from './pushed-filter.js'
import { consistencyOf, placeOf } from './stored-hit.js'
import { slicesByStamp, wholePages } from './whole-slices.js'

const readAtOnce = 500
/** Pairs compared before other requests get a turn: some milliseconds. */
const comparedPerTurn = 1_000

/** Undefined if the picture has no features or no descriptor. */
type Words = Uint32Array | undefined

export class StoredCopies implements SetCopies {
  readonly #collection: ImageCollection
  /** Serialised with the changes of the set. */
  readonly #write: <Result>(work: () => Promise<Result>) => Promise<Result>

  constructor(collection: ImageCollection, write: <Result>(work: () => Promise<Result>) => Promise<Result>) {
    this.#collection = collection
    this.#write = write
  }

  async scores(query: readonly Uint8Array[], hits: readonly Identified[]): Promise<Float32Array> {
    const words = queryWords(query)
    const stored = await this.#wordsOf(hits)
    const scores = new Float32Array(hits.length)
    for (const [i, one] of stored.entries()) {
      if (i % comparedPerTurn === comparedPerTurn - 1) await nextTurn()
      scores[i] = scoreOf(words, one, 0)
    }
    return scores
  }

  async likeness(rows: number, columns: readonly Identified[], least: number): Promise<Float32Array> {
    const stored = await this.#wordsOf(columns)
    const before = columns.length - rows
    const likeness = new Float32Array(rows * columns.length)
    let compared = 0
    for (let row = 0; row < rows; row++) {
      const one = stored[before + row]
      for (let column = 0; one !== undefined && column < before + row; column++) {
        const other = stored[column]
        if (other === undefined) continue
        if (++compared % comparedPerTurn === 0) await nextTurn()
        const score = nearCopyScore(one, 0, other, 0, least)
        if (score >= least) likeness[row * columns.length + column] = score
      }
    }
    return likeness
  }

  /** Uuids of the near-copies of any of these pictures. */
  async find({ descriptors, contentHashes = [], least }: CopiesWanted, signal?: AbortSignal): Promise<string[]> {
    const words = queryWords(descriptors)
    if (words.length === 0 && contentHashes.length === 0) return []
    const isCopy = (one: Found) =>
      contentHashes.includes(one.properties.contentHash!) || scoreOf(words, wordsIn(one), least) >= least
    const found: string[] = []
    const query = { limit: readAtOnce, properties: ['descriptor', 'contentHash'] as const }
    for await (const page of wholePages(this.#collection, query)) {
      for (const one of page) if (isCopy(one)) found.push(one.uuid)
      await nextTurn()
      signal?.throwIfAborted()
    }
    return found
  }

  async descriptor(id: string): Promise<Uint8Array | undefined> {
    const uuid = uuidOf(id)
    const options = { properties: ['descriptor', 'isDescribed'] as const }
    const found = (await this.#collection.ofIds([uuid], options)).get(uuid)
    if (found === undefined || !found.properties.isDescribed) return undefined
    return bytesOf(found.properties.descriptor) ?? new Uint8Array(0)
  }

  /** The cursor is a stamp. */
  async undescribed({ cursor = 0, limit }: { cursor?: number | undefined; limit: number }): Promise<UndescribedPage> {
    const where = anyToken([undescribedToken])
    const query = { where, limit, properties: ['imageId', 'thumbnail'] as const }
    const slices = slicesByStamp(this.#collection, { ...query, from: cursor, upTo: Number.MAX_SAFE_INTEGER })
    const found = await firstOf(slices)
    const images = found.map(({ uuid, properties: { imageId = '', stamp = 0, thumbnail } }) => ({
      id: imageId,
      uuid,
      stamp,
      thumbnail: bytesOf(thumbnail) ?? new Uint8Array(0),
    }))
    return { images, ...(images.length > 0 && { nextCursor: images.at(-1)!.stamp + 1 }) }
  }

  describe(described: readonly { image: Identified; descriptor: Uint8Array }[]): Promise<number> {
    return this.#write(async () => {
      const places = described.map(({ image }) => placeOf(image))
      const options = { properties: ['stamp', 'isDescribed', 'tokens'] as const }
      const found = await this.#collection.ofIds(
        places.map(({ uuid }) => uuid),
        options,
      )
      let count = 0
      for (const [i, { uuid, stamp }] of places.entries()) {
        const now = found.get(uuid)?.properties
        if (now === undefined || now.isDescribed || (stamp !== undefined && stamp !== now.stamp)) continue
        const { descriptor } = described[i]!
        await this.#collection.writes.merge(uuid, {
          isDescribed: true,
          ...(descriptor.byteLength > 0 && { descriptor: Buffer.from(descriptor).toString('base64') }),
          tokens: now.tokens!.filter((token) => token !== undescribedToken),
        })
        count++
      }
      return count
    })
  }

  async #wordsOf(images: readonly Identified[]): Promise<Words[]> {
    const places = images.map(placeOf)
    const options = { properties: ['descriptor', 'stamp'] as const, consistency: consistencyOf(images) }
    const found = await this.#collection.ofIds(
      places.map(({ uuid }) => uuid),
      options,
    )
    return places.map(({ uuid, stamp }) => {
      const one = found.get(uuid)
      return one === undefined || (stamp !== undefined && stamp !== one.properties.stamp) ? undefined : wordsIn(one)
    })
  }
}

async function firstOf(slices: AsyncGenerator<Found[]>): Promise<Found[]> {
  const { value } = await slices.next()
  return (value as Found[] | undefined) ?? []
}

/** From an object read with its descriptor. */
export function wordsIn({ properties: { descriptor } }: Found): Words {
  const bytes = bytesOf(descriptor)
  return bytes?.byteLength === descriptorBytes ? wordsOf(bytes)?.slice(0, descriptorWords) : undefined
}

/** NaN if either of the two has no features. */
function scoreOf(query: readonly Uint32Array[], stored: Words, least: number): number {
  if (stored === undefined || query.length === 0) return Number.NaN
  return query.reduce((best, one) => Math.max(best, nearCopyScore(one, 0, stored, 0, Math.max(best, least))), 0)
}
