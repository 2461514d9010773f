/**
 * The hits of one query in their final order. The server finds candidates, their scores are computed here from full
 * vectors, and what the index no longer finds is searched in the whole set.
 */
import { cosineTo, type Direction, directionOf, inverseLengthOf } from '../../cosine.js'
import type { NearestHits, NearestQuery } from '../../gallery/engine.js'
import { fieldValues } from '../../gallery/field-values.js'
import type { Filter } from '../../gallery/filter.js'
import { bestFirst, type MeasuredHits, type UnrankedHit } from '../../gallery/hits.js'
import { readStored } from '../../gallery/stored-json.js'
import { OneAfterAnother } from '../../one-after-another.js'
import { nfc } from '../../text.js'
import { nextTurn } from '../../turns.js'
import { answerMax } from './image-collection.js'
import { distinct, type Found, hitFieldsOf } from './image-object.js'
import type { SearchedImages } from './searched-images.js'
import { StoredHit } from './stored-hit.js'

/** Hits of the first search, even if fewer are requested; each further search doubles the depth. */
const firstDepth = 64
/** Candidates per required hit: an index misses neighbours near the end of its results. */
const candidatesOfHit = 1.25

const firstDepthOf = (ef: number): number => Math.max(firstDepth, ef)
const candidatesAt = (depth: number): number => Math.ceil(depth * candidatesOfHit)

/** How many the first search asks for. */
export const firstCandidatesOf = (ef: number): number => candidatesAt(firstDepthOf(ef))

/** Maximum error of the server's distance, a float32. */
const rounding = 1e-5
/** Hits kept from a full comparison; more require another one. */
const keptOfAll = 4_096

/**
 * A list that does not depend on how it is paged, as long as the set stays unchanged. A deeper index search can find a
 * picture that a shallower one missed, so depths are fixed steps: the hits of the first search come first, then those
 * that the second one adds, and so on. Hits so close to the end of a search that the next one could insert others
 * between them wait for it.
 */
export class RankedHits implements NearestHits {
  readonly #images: SearchedImages
  readonly #query: NearestQuery
  /** Pictures stored later are not hits of a kept list. */
  readonly #stamp: number
  readonly #direction: Direction
  readonly #excluded: ReadonlySet<string>
  /** Ids of hits, and of pictures already seen elsewhere. */
  readonly #ids: Set<string>
  readonly #hits: UnrankedHit[] = []
  /** Hits added by the last search, best first. */
  #ahead: UnrankedHit[] = []
  /** Length up to which the list may grow from these. */
  #reach = 0
  #depth = 0
  /** What to search next; `nothing`: the list is complete. */
  #next: 'index' | 'all' | 'nothing'
  #allKept = keptOfAll
  #compared: number | undefined
  #bytes = 0
  /** The list grows one call at a time. */
  readonly #turns = new OneAfterAnother()

  constructor(images: SearchedImages, query: NearestQuery, stamp: number, seen: readonly UnrankedHit[]) {
    this.#images = images
    this.#query = query
    this.#stamp = stamp
    this.#direction = directionOf(query.vector)
    this.#excluded = new Set(query.excludeIds?.flatMap((id) => [id, nfc(id)]))
    this.#ids = new Set(seen.map(({ record }) => record.id))
    // the count is that of one replica
    this.#next = query.exact || !images.isIndexed ? 'all' : images.count === 0 ? 'nothing' : 'index'
  }

  get compared(): number {
    return this.#compared ?? this.#images.count
  }

  get method(): 'exact' | 'hnsw' {
    const { exact } = this.#query
    return exact || this.#images.isSmall || !this.#images.isIndexed ? 'exact' : 'hnsw'
  }

  get ef(): number | undefined {
    return this.method === 'hnsw' ? this.#depth : undefined
  }

  get bytes(): number {
    return this.#bytes + 256 * this.#ahead.length
  }

  async fitting(filter: Filter, seen: readonly UnrankedHit[]): Promise<MeasuredHits> {
    return new RankedHits(await this.#images.narrowed(filter), this.#query, this.#stamp, seen)
  }

  async first(count: number): Promise<UnrankedHit[]> {
    await this.#turns.run(() => this.#grow(count))
    return this.#hits.slice(0, count)
  }

  async #grow(count: number): Promise<void> {
    while (this.#hits.length < count) {
      this.#query.signal?.throwIfAborted()
      const room = Math.min(count, this.#reach) - this.#hits.length
      if (room > 0 && this.#ahead.length > 0) this.#take(this.#ahead.splice(0, room))
      else if (this.#next === 'nothing') return
      else if (this.#next === 'index') await this.#searchIndex()
      else await this.#compareAll()
    }
  }

  #take(hits: readonly UnrankedHit[]): void {
    for (const hit of hits) {
      this.#hits.push(hit)
      this.#ids.add(hit.record.id)
      this.#bytes += bytesOf(hit.record)
    }
  }

  async #searchIndex(): Promise<void> {
    const { vector, ef = 0, minScore = -Infinity, kept, signal } = this.#query
    const upTo = kept && this.#depth > 0 ? this.#stamp : undefined // nothing is stored between opening and the first search
    const depth = this.#depth === 0 ? firstDepthOf(ef) : this.#depth * 2
    const limit = Math.min(candidatesAt(depth) + this.#excluded.size, answerMax)
    const answered = await orAborted(this.#images.near(vector, { limit, upTo, signal }), signal)
    const found = distinct(answered)
    const isFull = answered.length >= limit
    const last = isFull ? 1 - (answered.at(-1)?.distance ?? 0) : -Infinity
    this.#ahead = this.#hitsOf(this.#fitting(found), false).filter(({ score }) => score > last + rounding)
    this.#depth = depth
    const isWhole = !isFull || last + rounding < minScore
    this.#reach = isWhole || this.#images.isSmall ? Infinity : depth
    if (last + rounding < minScore && isFull) this.#next = 'nothing'
    else if (!isFull) this.#next = this.#isComplete(found, minScore) ? 'nothing' : 'all'
    else if (limit === answerMax) this.#next = 'all'
  }

  /** An index can lose track of some. That matters less where it may miss others, too: those whose scores are not requested end the list. */
  #isComplete(found: readonly Found[], minScore: number): boolean {
    if (found.length >= this.#images.count) return true
    return !this.#images.isSmall && found.some(({ distance = 0 }) => 1 - distance + rounding < minScore)
  }

  async #compareAll(): Promise<void> {
    let [kept, fitting, candidates]: [ComparedHit[], number, number] = [[], 0, 0]
    for await (const page of this.#images.all(this.#query.kept ? this.#stamp : undefined)) {
      this.#query.signal?.throwIfAborted()
      const now = this.#fitting(page)
      fitting += now.length
      const hits = this.#hitsOf(now, true)
      candidates += hits.length
      kept.push(...hits)
      if (kept.length > 2 * this.#allKept) kept = bestOf(kept, this.#allKept)
      await nextTurn()
    }
    this.#compared = fitting
    this.#ahead = bestOf(kept, this.#allKept)
    this.#reach = Infinity
    this.#next = candidates > this.#ahead.length ? 'all' : 'nothing'
    this.#allKept *= 4
  }

  #fitting(found: readonly Found[]): Found[] {
    return found.filter((one) => this.#images.fits(one))
  }

  /** Of those that fit, the ones that belong in the list and are not in it yet, best first. */
  #hitsOf(fitting: readonly Found[], isCompared: boolean): ComparedHit[] {
    const { minScore = -Infinity, kept, groupBy } = this.#query
    return fitting
      .flatMap((one): ComparedHit[] => {
        const { imageId: id, stamp } = one.properties as { imageId: string; stamp: number }
        if (this.#ids.has(id) || this.#excluded.has(id) || (kept && stamp > this.#stamp)) return []
        const vector = Float32Array.from(one.vector)
        const score = cosineTo(this.#direction, vector, 0, inverseLengthOf(vector, 0, vector.length))
        if (score < minScore) return []
        return [{ score, record: hitOf(one, { groupBy, isCompared }) }]
      })
      .sort(bestFirst)
  }
}

interface ComparedHit extends UnrankedHit {
  record: StoredHit
}

/** Of a picture that was replaced meanwhile, its later version. */
function bestOf(hits: readonly ComparedHit[], count: number): ComparedHit[] {
  const newest = new Map<string, number>()
  for (const { record } of hits) newest.set(record.id, Math.max(record.stamp, newest.get(record.id) ?? 0))
  return hits
    .filter(({ record }) => newest.get(record.id) === record.stamp)
    .sort(bestFirst)
    .slice(0, count)
}

function hitOf(found: Found, { groupBy, isCompared }: { groupBy: string | undefined; isCompared: boolean }): StoredHit {
  const fields = hitFieldsOf(found)
  const { metadata = '{}', stamp = 0 } = found.properties
  const groupKeys =
    groupBy === undefined
      ? undefined
      : fieldValues({ label: fields.label, metadata: readStored(metadata) ?? {} }, groupBy)
  return new StoredHit({ uuid: found.uuid, stamp, isCompared }, fields, { groupKeys })
}

/** If nobody waits any more, the request fails with the signal's reason. */
async function orAborted<Reply>(asked: Promise<Reply>, signal: AbortSignal | undefined): Promise<Reply> {
  try {
    return await asked
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  }
}

/** Approximate memory. */
function bytesOf({ id, label, groupKeys = [] }: UnrankedHit['record']): number {
  return (
    320 +
    2 * (id.length + (label?.length ?? 0)) +
    groupKeys.reduce<number>((bytes, key) => bytes + 16 + 2 * String(key).length, 0)
  )
}
