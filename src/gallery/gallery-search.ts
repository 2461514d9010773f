/**
 * One search of a gallery: its ranking (the nearest hits, without copies, by diversity or in groups), which is returned
 * page by page.
 */

import type { Group } from '../ranking/groups.js'
import { type Boost, BoostedHits } from './boosted-hits.js'
import { DistinctHits } from './distinct-hits.js'
import { DiverseHits } from './diverse-hits.js'
import type { NearestHits, OpenSet } from './engine.js'
import type { Filter } from './filter.js'
import { groupedHits } from './grouped-hits.js'
import type { HitRecord } from './hit-record.js'
import { bestFirst, type HitList, type UnrankedHit } from './hits.js'

/** What is ranked, and how. */
export interface SearchTerms {
  /** [dimension], unit length. */
  vector: Float32Array
  /** Minimum score of a hit. */
  minScore?: number | undefined
  ef?: number | undefined
  exact?: boolean | undefined
  /** Only pictures that match. */
  filter?: Filter | undefined
  /** Pictures to exclude, e.g. the query itself. */
  excludeIds?: string[] | undefined
  /** Copy descriptors of the query's pictures; hits then have a near-copy score. */
  copyDescriptors?: Uint8Array[] | undefined
  /** Only near-copies of the query's pictures, with at least this near-copy score. */
  copiesFrom?: number | undefined
  /** Hits with at least this near-copy score to a better hit are left out. */
  duplicateScore?: number | undefined
  /** Hits are selected by marginal relevance among the best `candidates`, then among as many of the following ones. */
  diversity?: { share: number; candidates: number } | undefined
  /** Scores are raised by these; not together with `diversity`, `duplicateScore` and `groupBy`. */
  boosts?: readonly Boost[] | undefined
  /** At most `size` hits for each value of `field`; not together with `diversity`. */
  groupBy?: { field: string; size: number } | undefined
  /** Maximum number of hits examined to fill groups, or to replace near-copies. Default 10,000. */
  candidatesMax?: number | undefined
}

export interface PageAsked {
  /** Number of hits, or of groups if grouped. */
  k: number
  /** Hits or groups to skip; ranks continue counting. Default 0. */
  offset?: number | undefined
  /** Additionally return this many of the best hits, whatever page is requested. */
  voters?: number | undefined
  /** Return the metadata of hits. Default true. */
  metadata?: boolean | undefined
  /**
   * Called with the approximate size of the hits in an answer before their metadata is read, and with that of each
   * metadata; throws if the limit is exceeded.
   */
  onBytes?: ((bytes: number) => void) | undefined
}

export type GallerySearch = SearchTerms &
  PageAsked & {
    /** Aborted when nobody is waiting any more: its reason is thrown before more records are read. */
    signal?: AbortSignal | undefined
  }

export interface Hit {
  /** From 1. */
  rank: number
  score: number
  /** The part of the score that does not come from similarity. */
  boost?: number | undefined
  /** Name of the gallery, if several are searched. */
  gallery?: string | undefined
  /** To the most similar picture of the query; null: unknown. Absent if the query has no picture. */
  nearCopyScore?: number | null | undefined
  record: HitRecord
}

export interface HitGroup extends Group<Hit> {
  /** From 1. */
  rank: number
}

export interface GallerySearchResult {
  /** Score descending, then id ascending; with `diversity` in order of selection; empty with `groupBy`. */
  hits: Hit[]
  /** Ordered by their best hits. A hit's rank is its position within its group. */
  groups?: HitGroup[] | undefined
  /** As they would rank without `diversity` and `groupBy`. */
  voters?: UnrankedHit[] | undefined
  /** Whether more follows; known for kept rankings. */
  more?: boolean | undefined
  /** Number of pictures that could have been hits. */
  compared: number
  method: 'exact' | 'hnsw'
  ef?: number | undefined
  /** Time for index and records, including waiting. */
  durationMs: number
}

/** The operations of a set that a ranking needs. */
export type SearchedSet = Pick<OpenSet, 'nearest' | 'likeness' | 'current' | 'metadata' | 'copies'>

/** What a ranking needs that outlives the request it was created for. */
export interface Keeping {
  /** Maximum number of hits or groups on all its pages together. */
  reach: number
}

const candidatesDefault = 10_000
/** Hits whose near-copy scores are computed at once: some milliseconds of the copies thread. */
const hitsPerQuestion = 1_000
/** A kept ranking computes this many hits at once: six pages of ten. */
const hitsKept = 64
/** JSON of an answer besides id, label and metadata. */
const bytesOfHit = 160

type Page = Pick<GallerySearchResult, 'hits' | 'groups'>

/**
 * One ranking, computed as far as its pages are requested: every page is a slice of one list that does not change any
 * more once it is known. A kept ranking computes its first hits at once and reads records again for each page: pictures
 * deleted since are left out, and so are their ranks.
 */
export class Ranking {
  readonly terms: SearchTerms
  readonly #set: SearchedSet
  readonly #keeping: Keeping | undefined
  readonly #nearest: NearestHits
  /** Without copies. */
  readonly #hits: HitList
  readonly #ordered: HitList
  #turn: Promise<unknown> = Promise.resolve()

  private constructor(set: SearchedSet, terms: SearchTerms, nearest: NearestHits, keeping: Keeping | undefined) {
    this.terms = terms
    this.#set = set
    this.#keeping = keeping
    this.#nearest = nearest
    const { diversity, boosts } = terms
    this.#hits = this.#withoutCopies(boosts === undefined ? nearest : new BoostedHits(nearest, boosts))
    this.#ordered =
      diversity === undefined
        ? this.#hits
        : new DiverseHits({ hits: this.#hits, set, diversity: diversity.share, candidates: diversity.candidates })
  }

  static async open(
    set: SearchedSet,
    terms: SearchTerms & Pick<GallerySearch, 'signal'>,
    keeping?: Keeping,
  ): Promise<Ranking> {
    const { vector, minScore, ef, exact, filter, excludeIds, copyDescriptors = [], copiesFrom, groupBy, signal } = terms
    const nearest = await set.nearest({
      vector,
      minScore,
      ef,
      exact,
      filter,
      copiesOf: copiesFrom === undefined ? undefined : { descriptors: copyDescriptors, least: copiesFrom },
      excludeIds,
      groupBy: groupBy?.field,
      kept: keeping !== undefined,
      signal,
    })
    return new Ranking(set, terms, nearest, keeping)
  }

  /** Approximate memory. */
  get bytes(): number {
    const { vector, filter, excludeIds = [], copyDescriptors = [] } = this.terms
    const query =
      vector.byteLength +
      copyDescriptors.reduce((sum, { byteLength }) => sum + byteLength, 0) +
      2 * JSON.stringify([filter, excludeIds]).length
    return query + this.#nearest.bytes
  }

  get reach(): number {
    return this.#keeping?.reach ?? Infinity
  }

  /** One page at a time: concurrent pages would extend the list at the same position. */
  page(asked: PageAsked): Promise<Omit<GallerySearchResult, 'durationMs'>> {
    const page = this.#turn.then(() => this.#page(asked))
    this.#turn = page.catch(() => {})
    return page
  }

  async #page({ k, offset = 0, voters, ...shown }: PageAsked): Promise<Omit<GallerySearchResult, 'durationMs'>> {
    const end = Math.min(offset + k, this.reach)
    // one more, to know whether there is a next page
    const wanted = this.#keeping !== undefined && end < this.reach ? end + 1 : end
    const grouped = this.terms.groupBy && (await this.#groups(wanted))
    const listed =
      grouped ??
      (await this.#ordered.first(
        this.#keeping === undefined ? wanted : Math.min(Math.max(wanted, hitsKept), this.reach),
      ))
    const found = grouped
      ? { hits: [], groups: await this.#membersNow(ranked(grouped.slice(offset, end), offset)) }
      : { hits: await this.#recordsNow(ranked(this.#inOrder((listed as UnrankedHit[]).slice(offset, end)), offset)) }
    await this.#tellCopies([...found.hits, ...(found.groups ?? []).flatMap((one) => one.hits)])
    const page = await this.#withMetadata(found, shown)
    const voting = voters === undefined ? undefined : (await this.#hits.first(voters)).toSorted(bestFirst)
    const { compared, method, ef } = this.#nearest
    return {
      ...page,
      ...(voting && { voters: voting }),
      ...(this.#keeping && { more: listed.length > end }),
      compared,
      method,
      ...(ef !== undefined && { ef }),
    }
  }

  /** Hits that a deeper search of the graph adds may be better than those before them. */
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

  /** The hits of a kept ranking that still exist. */
  async #recordsNow(hits: Hit[]): Promise<Hit[]> {
    if (this.#keeping === undefined || hits.length === 0) return hits
    const records = await this.#set.current(
      hits.map(({ record }) => record),
      this.terms.groupBy?.field,
    )
    return hits.flatMap((hit, i) => (records[i] === undefined ? [] : { ...hit, record: records[i] }))
  }

  async #tellCopies(hits: Hit[]): Promise<void> {
    const { copyDescriptors = [] } = this.terms
    if (copyDescriptors.length === 0 || hits.length === 0) return
    for (let from = 0; from < hits.length; from += hitsPerQuestion) {
      const asked = hits.slice(from, from + hitsPerQuestion)
      const scores = await this.#set.copies.scores(
        copyDescriptors,
        asked.map(({ record }) => record),
      )
      asked.forEach((hit, i) => {
        hit.nearCopyScore = Number.isNaN(scores[i]) ? null : scores[i]!
      })
    }
  }

  /** @param better earlier hits: copies of them are left out as well */
  #withoutCopies(hits: HitList, better: readonly UnrankedHit[] = []): HitList {
    const { duplicateScore, candidatesMax = candidatesDefault } = this.terms
    return duplicateScore === undefined
      ? hits
      : new DistinctHits({ hits, copies: this.#set.copies, duplicateScore, candidatesMax, better })
  }

  /** Metadata last, and only for the hits that are returned: for all that are examined it would be too much. */
  async #withMetadata(
    page: Page,
    { metadata = true, onBytes }: Pick<PageAsked, 'metadata' | 'onBytes'>,
  ): Promise<Page> {
    const hits = [...page.hits, ...(page.groups ?? []).flatMap((group) => group.hits)]
    onBytes?.(
      hits.reduce((bytes, { record }) => bytes + bytesOfHit + record.id.length + (record.label?.length ?? 0), 0),
    )
    if (!metadata) return page
    const texts = await this.#set.metadata(
      hits.map(({ record }) => record),
      ({ length }) => onBytes?.(length),
    )
    const textOf = new Map(hits.map((hit, i) => [hit, texts[i]]))
    const complete = (hit: Hit): Hit => ({ ...hit, record: hit.record.withMetadata(textOf.get(hit)) })
    return {
      hits: page.hits.map(complete),
      ...(page.groups && { groups: page.groups.map((group) => ({ ...group, hits: group.hits.map(complete) })) }),
    }
  }

  #groups(count: number): Promise<Group<UnrankedHit>[]> {
    const { groupBy, candidatesMax = candidatesDefault } = this.terms
    const { field, size } = groupBy!
    const listOf = async (keys: Group<UnrankedHit>['key'][], seen: readonly UnrankedHit[]) =>
      this.#withoutCopies(await this.#nearest.fitting({ field, in: keys }, seen), seen)
    return groupedHits(this.#hits, { count, size, candidatesMax, listOf })
  }
}

function ranked<Entry>(entries: readonly Entry[], offset: number): (Entry & { rank: number })[] {
  return entries.map((entry, i) => ({ rank: offset + i + 1, ...entry }))
}
