/**
 * Several sets of one model, searched as one: the best hits of each, merged into one ranking by score, then id, then
 * gallery.
 */
import { AlikeError, hasCode } from '../errors.js'
import type { NearestHits, NearestQuery, OpenSet } from './engine.js'
import type { Filter } from './filter.js'
import type { SearchedSet } from './gallery-ranking.js'
import type { HitRecord } from './hit-record.js'
import type { MeasuredHits, UnrankedHit } from './hits.js'
import { MergedHits } from './merged-hits.js'

export interface NamedSet {
  gallery: string
  set: OpenSet
}

export class JoinedSets implements SearchedSet {
  readonly #sets: readonly NamedSet[]
  /** Which of the sets a record came from. */
  readonly #origins = new WeakMap<HitRecord, NamedSet>()

  constructor(sets: readonly NamedSet[]) {
    this.#sets = sets
  }

  async nearest(query: NearestQuery): Promise<NearestHits> {
    const found = await Promise.all(
      this.#sets.map(async (named) => ({ named, nearest: await named.set.nearest(query) })),
    )
    const lists = found.map(({ nearest }) => nearest)
    const merged = this.#merged(found.map(({ named, nearest }) => ({ named, hits: nearest })))
    const efs = () => lists.flatMap(({ ef }) => ef ?? [])
    return {
      first: merged.first,
      fitting: async (filter: Filter, seen: readonly UnrankedHit[]) =>
        this.#merged(
          await Promise.all(
            found.map(async ({ named, nearest }) => ({
              named,
              hits: await nearest.fitting(
                filter,
                seen.filter(({ record }) => this.#origins.get(record) === named),
              ),
            })),
          ),
        ),
      get compared() {
        return lists.reduce((sum, { compared }) => sum + compared, 0)
      },
      get method() {
        return lists.some(({ method }) => method === 'hnsw') ? 'hnsw' : 'exact'
      },
      get ef() {
        return efs().length === 0 ? undefined : Math.max(...efs())
      },
      get bytes() {
        return merged.bytes
      },
    }
  }

  /** Hits of a gallery that has been deleted meanwhile are gone. */
  async current(hits: readonly HitRecord[], groupBy?: string): Promise<(HitRecord | undefined)[]> {
    return this.#ofEach(hits, async (named, records) => {
      const current = await named.set.current(records, groupBy).catch((error: unknown) => {
        if (hasCode(error, 'gallery_not_found')) return records.map(() => undefined)
        throw error
      })
      for (const record of current) if (record !== undefined) this.#origins.set(record, named)
      return current
    })
  }

  metadata(hits: readonly HitRecord[], onText: (text: string) => void): Promise<(string | undefined)[]> {
    return this.#ofEach(hits, ({ set }, records) => set.metadata(records, onText))
  }

  vectors(hits: readonly HitRecord[]): Promise<(Float32Array | undefined)[]> {
    return this.#ofEach(hits, ({ set }, records) => set.vectors(records))
  }

  readonly copies: OpenSet['copies'] = {
    scores: async (query, hits) => {
      const scores = await this.#ofEach(hits as readonly HitRecord[], async ({ set }, records) => [
        ...(await set.copies.scores(query, records)),
      ])
      return Float32Array.from(scores)
    },
    likeness: notAcross,
    descriptor: notAcross,
    undescribed: notAcross,
    describe: notAcross,
  }

  readonly likeness = notAcross

  #merged(parts: readonly { named: NamedSet; hits: MeasuredHits }[]): MeasuredHits {
    const merged = new MergedHits()
    return {
      get bytes() {
        return parts.reduce((sum, { hits }) => sum + hits.bytes, 0)
      },
      first: async (count) => {
        const lists = await Promise.all(
          parts.map(async ({ named, hits }) =>
            (await hits.first(count)).map((hit) => {
              this.#origins.set(hit.record, named)
              return { ...hit, gallery: named.gallery }
            }),
          ),
        )
        return merged.first(count, lists)
      },
    }
  }

  /** Passes each set its own records, and returns the answers in the order of the records. */
  async #ofEach<Result>(
    hits: readonly HitRecord[],
    ask: (named: NamedSet, records: HitRecord[]) => Promise<readonly Result[]>,
  ): Promise<Result[]> {
    const places = new Map<NamedSet, number[]>()
    for (const [i, hit] of hits.entries()) {
      const named = this.#origins.get(hit)!
      const own = places.get(named)
      if (own === undefined) places.set(named, [i])
      else own.push(i)
    }
    const results = new Array<Result>(hits.length)
    for (const [named, own] of places) {
      const answers = await ask(
        named,
        own.map((i) => hits[i]!),
      )
      for (const [nth, i] of own.entries()) results[i] = answers[nth]!
    }
    return results
  }
}

/** Only possible with a single set; requests that need it have been refused before. */
async function notAcross(): Promise<never> {
  throw new AlikeError('internal', { detail: 'It is available for a single gallery only.' })
}
