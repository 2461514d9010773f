/** One search of a gallery: its ranking (the nearest hits, without copies, by diversity or in groups), of which pages are shown. */

import type { VectorIndex } from '../engines/embedded/vector-index/vector-index.js'
import type { Group } from '../ranking/groups.js'
import { nextTurn } from '../turns.js'
import { DistinctHits, slotsOf } from './distinct-hits.js'
import { DiverseHits } from './diverse-hits.js'
import type { Filter } from './filter.js'
import { groupedHits } from './grouped-hits.js'
import type { HitRecord } from './hit-record.js'
import { bestFirst, firstDepth, type HitList, NearestHits, recordsPerTurn, type UnrankedHit } from './nearest-hits.js'

/** What is ranked, and how. */
export interface SearchTerms {
  /** [dimension], unit length. */
  vector: Float32Array
  /** Hits of a lower score are left out. */
  minScore?: number | undefined
  ef?: number | undefined
  exact?: boolean | undefined
  /** Only pictures that fit. */
  filter?: Filter | undefined
  /** These pictures are left out, e.g. the query itself. */
  excludeIds?: string[] | undefined
  /** Copy descriptors of the query's pictures: hits tell how surely they are copies of one. */
  copyDescriptors?: Uint8Array[] | undefined
  /** Only near-copies of the query's pictures: from this near-copy score on. */
  copiesFrom?: number | undefined
  /** Hits whose near-copy score to a better one is at least so much are left out. */
  duplicateScore?: number | undefined
  /** Hits are chosen by marginal relevance among the best `candidates`, then among as many after them. */
  diversity?: { share: number; candidates: number } | undefined
  /** At most `size` hits for each value of `field`; not together with `diversity`. */
  groupBy?: { field: string; size: number } | undefined
  /** Most hits looked at to fill groups, or in place of near-copies. Default 10,000. */
  candidatesMax?: number | undefined
}

export interface PageAsked {
  /** Hits, or groups where they are grouped. */
  k: number
  /** Hits or groups left out from the top; rank goes on counting. Default 0. */
  offset?: number | undefined
  /** So many of the best hits are given besides, whatever page is asked for. */
  voters?: number | undefined
  /** Hits have their metadata with them. Default true. */
  metadata?: boolean | undefined
  /** Told how many bytes the hits will have in an answer, about, before their metadata is read, and of each metadata when it is; throws when they are too many. */
  onBytes?: ((bytes: number) => void) | undefined
}

export type GallerySearch = SearchTerms &
  PageAsked & {
    /** Aborted when nobody waits for it any more: its reason is thrown before more records are read. */
    signal?: AbortSignal | undefined
  }

export interface Hit {
  /** From 1. */
  rank: number
  score: number
  /** To that picture of the query it is most like; null: there is no telling. Left out where the query has no picture. */
  nearCopyScore?: number | null | undefined
  record: HitRecord
}

export interface HitGroup extends Group<Hit> {
  /** From 1. */
  rank: number
}

export interface GallerySearchResult {
  /** Score descending, then id ascending; with `diversity` in the order of choice; with `groupBy` none. */
  hits: Hit[]
  /** By their best hits. A hit's rank is that within its group. */
  groups?: HitGroup[] | undefined
  /** As they would rank without `diversity` and `groupBy`. */
  voters?: UnrankedHit[] | undefined
  /** Whether more follows; known of a ranking that is kept. */
  more?: boolean | undefined
  /** Pictures that could have been hits. */
  compared: number
  method: 'exact' | 'hnsw'
  ef?: number | undefined
  /** Index and records, waiting included. */
  durationMs: number
}

export interface SearchedGallery {
  /** Live pictures. */
  size: number
  index: Pick<VectorIndex, 'search' | 'compare'>
  /** Slots that fit, ascending; `keep` them when the same filter is likely to come again. */
  slotsOf(filter: Filter, keep: boolean): Promise<Uint32Array>
  /** By slot; without those that are gone. */
  recordsOf(slots: readonly number[]): ReadonlyMap<number, HitRecord>
  /** JSON text by slot, the same; `onText` is told of each, and may throw. */
  metadataOf(slots: readonly number[], onText: (text: string) => void): ReadonlyMap<number, string>
  copies: GalleryCopies
}

/** See `CopiesCalls`. */
export interface GalleryCopies {
  scores(query: Uint8Array[], slots: Uint32Array): Promise<Float32Array>
  likeness(rows: number, columns: Uint32Array, least: number): Promise<Float32Array>
  find(query: Uint8Array[], least: number): Promise<Uint32Array>
}

/** What a ranking needs to know that outlives the request it was made for. */
export interface Keeping {
  /** Hits or groups that all its pages together show at most. */
  reach: number
  /** Pictures stored from this slot on are no hits of it. */
  belowSlot: number
}

const candidatesDefault = 10_000
/** Hits whose near-copy scores are asked for at once: some milliseconds of the copies thread. */
const hitsPerQuestion = 1_000
/** Of an answer's JSON, beside id, label and metadata. */
const bytesOfHit = 160

type Page = Pick<GallerySearchResult, 'hits' | 'groups'>

export async function searchGallery(gallery: SearchedGallery, search: GallerySearch): Promise<GallerySearchResult> {
  const startedAt = performance.now()
  const page = await (await Ranking.open(gallery, search)).page(search)
  return { ...page, durationMs: performance.now() - startedAt }
}

/**
 * One ranking, worked out as far as its pages are asked for: every page is a piece of one list of which nothing changes
 * any more once it is known. A kept one knows its first hits from the beginning and reads records anew for each page:
 * pictures that are gone by then are left out of it, and their ranks with them.
 */
export class Ranking {
  readonly terms: SearchTerms
  readonly #gallery: SearchedGallery
  readonly #keeping: Keeping | undefined
  readonly #allow: Uint32Array | undefined
  readonly #compared: number
  readonly #nearest: NearestHits
  /** Without copies. */
  readonly #hits: HitList
  readonly #ordered: HitList
  #turn: Promise<unknown> = Promise.resolve()

  private constructor(
    gallery: SearchedGallery,
    terms: SearchTerms,
    allow: Uint32Array | undefined,
    keeping: Keeping | undefined,
  ) {
    this.terms = terms
    this.#gallery = gallery
    this.#keeping = keeping
    this.#allow = allow
    this.#compared = allow?.length ?? gallery.size
    const { nearest, hits } = this.#openList(allow)
    this.#nearest = nearest
    this.#hits = hits
    const { diversity } = terms
    this.#ordered =
      diversity === undefined
        ? hits
        : new DiverseHits({ hits, index: gallery.index, diversity: diversity.share, candidates: diversity.candidates })
  }

  static async open(gallery: SearchedGallery, terms: SearchTerms, keeping?: Keeping): Promise<Ranking> {
    return new Ranking(gallery, terms, await allowedSlots(gallery, terms), keeping)
  }

  /** Of memory, roughly. */
  get bytes(): number {
    const { vector, filter, excludeIds = [], copyDescriptors = [] } = this.terms
    const query =
      vector.byteLength +
      copyDescriptors.reduce((sum, { byteLength }) => sum + byteLength, 0) +
      2 * JSON.stringify([filter, excludeIds]).length
    return query + (this.#allow?.byteLength ?? 0) + this.#nearest.bytes
  }

  get reach(): number {
    return this.#keeping?.reach ?? Infinity
  }

  /** One at a time: pages asked for at once would lengthen the list at the same place. */
  page(asked: PageAsked): Promise<Omit<GallerySearchResult, 'durationMs'>> {
    const page = this.#turn.then(() => this.#page(asked))
    this.#turn = page.catch(() => {})
    return page
  }

  async #page({ k, offset = 0, voters, ...shown }: PageAsked): Promise<Omit<GallerySearchResult, 'durationMs'>> {
    const end = Math.min(offset + k, this.reach)
    // one more tells whether there is a next page
    const wanted = this.#keeping !== undefined && end < this.reach ? end + 1 : end
    const grouped = this.terms.groupBy && (await this.#groups(wanted))
    const listed =
      grouped ??
      (await this.#ordered.first(
        this.#keeping === undefined ? wanted : Math.min(Math.max(wanted, firstDepth), this.reach),
      ))
    const found = grouped
      ? { hits: [], groups: await this.#membersNow(ranked(grouped.slice(offset, end), offset)) }
      : { hits: await this.#recordsNow(ranked(this.#inOrder((listed as UnrankedHit[]).slice(offset, end)), offset)) }
    await this.#tellCopies([...found.hits, ...(found.groups ?? []).flatMap((one) => one.hits)])
    const page = await this.#withMetadata(found, shown)
    const voting = voters === undefined ? undefined : (await this.#hits.first(voters)).toSorted(bestFirst)
    const { method, ef } = this.#nearest.result!
    return {
      ...page,
      ...(voting && { voters: voting }),
      ...(this.#keeping && { more: listed.length > end }),
      compared: this.#compared,
      method,
      ...(ef !== undefined && { ef }),
    }
  }

  /** What deeper searches of the graph added to the list may be better than what stands before it. */
  #inOrder(hits: UnrankedHit[]): UnrankedHit[] {
    return this.terms.diversity === undefined ? hits.sort(bestFirst) : hits
  }

  async #membersNow(groups: (Group<UnrankedHit> & { rank: number })[]): Promise<HitGroup[]> {
    const current: HitGroup[] = []
    for (const group of groups) {
      const hits = await this.#recordsNow(ranked(group.hits.toSorted(bestFirst), 0))
      if (hits.length > 0) current.push({ ...group, hits })
    }
    return current
  }

  /** Of a kept ranking, without those that are gone. */
  async #recordsNow(hits: Hit[]): Promise<Hit[]> {
    if (this.#keeping === undefined) return hits
    const current: Hit[] = []
    for (let begin = 0; begin < hits.length; begin += recordsPerTurn) {
      if (begin > 0) await nextTurn()
      const piece = hits.slice(begin, begin + recordsPerTurn)
      const records = this.#gallery.recordsOf(piece.map(({ record }) => record.slot))
      for (const hit of piece) {
        const record = records.get(hit.record.slot)
        if (record !== undefined) current.push({ ...hit, record })
      }
    }
    return current
  }

  async #tellCopies(hits: Hit[]): Promise<void> {
    const { copyDescriptors = [] } = this.terms
    if (copyDescriptors.length === 0 || hits.length === 0) return
    for (let from = 0; from < hits.length; from += hitsPerQuestion) {
      const asked = hits.slice(from, from + hitsPerQuestion)
      const scores = await this.#gallery.copies.scores(copyDescriptors, slotsOf(asked))
      asked.forEach((hit, i) => {
        hit.nearCopyScore = Number.isNaN(scores[i]) ? null : scores[i]!
      })
    }
  }

  /** @param seen hits that were had before: the list is that of the others */
  #openList(
    allow: Uint32Array | undefined,
    seen: readonly UnrankedHit[] = [],
  ): { nearest: NearestHits; hits: HitList } {
    const { index, copies } = this.#gallery
    const { vector, ef, exact, minScore, excludeIds, duplicateScore, candidatesMax = candidatesDefault } = this.terms
    const nearest = new NearestHits({
      index,
      request: {
        vector,
        ...(ef !== undefined && { ef }),
        ...(exact !== undefined && { exact }),
        ...(allow && { allow }),
      },
      recordsOf: (slots) => this.#gallery.recordsOf(slots),
      minScore,
      excludeIds,
      seen,
      belowSlot: this.#keeping?.belowSlot,
    })
    const hits =
      duplicateScore === undefined
        ? nearest
        : new DistinctHits({ hits: nearest, copies, duplicateScore, candidatesMax, better: seen })
    return { nearest, hits }
  }

  /** Metadata last, and of the hits that are shown alone: of all that are looked at it would be too much. */
  async #withMetadata(
    page: Page,
    { metadata = true, onBytes }: Pick<PageAsked, 'metadata' | 'onBytes'>,
  ): Promise<Page> {
    const hits = [...page.hits, ...(page.groups ?? []).flatMap((group) => group.hits)]
    onBytes?.(
      hits.reduce((bytes, { record }) => bytes + bytesOfHit + record.id.length + (record.label?.length ?? 0), 0),
    )
    if (!metadata) return page
    const texts = new Map<number, string>()
    for (let from = 0; from < hits.length; from += recordsPerTurn) {
      if (from > 0) await nextTurn()
      const slots = hits.slice(from, from + recordsPerTurn).map(({ record }) => record.slot)
      for (const [slot, text] of this.#gallery.metadataOf(slots, ({ length }) => onBytes?.(length)))
        texts.set(slot, text)
    }
    const complete = (hit: Hit): Hit => ({ ...hit, record: hit.record.withMetadata(texts.get(hit.record.slot)) })
    return {
      hits: page.hits.map(complete),
      ...(page.groups && { groups: page.groups.map((group) => ({ ...group, hits: group.hits.map(complete) })) }),
    }
  }

  #groups(count: number): Promise<Group<UnrankedHit>[]> {
    const { groupBy, filter, copiesFrom, candidatesMax = candidatesDefault } = this.terms
    const { field, size } = groupBy!
    const listOf = async (keys: Group<UnrankedHit>['key'][], seen: readonly UnrankedHit[]) => {
      const ofKeys: Filter = { field, in: keys }
      const fitting = await this.#gallery.slotsOf(filter === undefined ? ofKeys : { and: [filter, ofKeys] }, false)
      const allow = copiesFrom === undefined || this.#allow === undefined ? fitting : inBoth(this.#allow, fitting)
      return this.#openList(allow, seen).hits
    }
    return groupedHits(this.#hits, { count, size, candidatesMax, listOf })
  }
}

function ranked<Entry>(entries: readonly Entry[], offset: number): (Entry & { rank: number })[] {
  return entries.map((entry, i) => ({ rank: offset + i + 1, ...entry }))
}

/** Undefined: all of them. */
async function allowedSlots(
  { slotsOf, copies }: SearchedGallery,
  { filter, copyDescriptors = [], copiesFrom }: SearchTerms,
): Promise<Uint32Array | undefined> {
  const fitting = filter && (await slotsOf(filter, true))
  if (copiesFrom === undefined) return fitting
  const found = await copies.find(copyDescriptors, copiesFrom)
  return fitting === undefined ? found : inBoth(found, fitting)
}

/** Of two ascending lists. */
function inBoth(some: Uint32Array, others: Uint32Array): Uint32Array {
  let at = 0
  return some.filter((slot) => {
    while (at < others.length && others[at]! < slot) at++
    return others[at] === slot
  })
}
