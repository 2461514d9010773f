/** One search of a gallery: its ranking (the nearest hits, without copies, by diversity or in groups), of which pages are shown. */

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
  /** Scores are raised by these; not together with `diversity`, `duplicateScore` and `groupBy`. */
  boosts?: readonly Boost[] | undefined
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
  /** Part of the score that is no likeness. */
  boost?: number | undefined
  /** Where several are searched. */
  gallery?: string | undefined
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

/** Of a set, what a ranking needs. */
export type SearchedSet = Pick<OpenSet, 'nearest' | 'likeness' | 'current' | 'metadata' | 'copies'>

/** What a ranking needs to know that outlives the request it was made for. */
export interface Keeping {
  /** Hits or groups that all its pages together show at most. */
  reach: number
}

const candidatesDefault = 10_000
/** Hits whose near-copy scores are asked for at once: some milliseconds of the copies thread. */
const hitsPerQuestion = 1_000
/** A kept ranking knows so many from the beginning: six pages of ten. */
const hitsKept = 64
/** Of an answer's JSON, beside id, label and metadata. */
const bytesOfHit = 160

type Page = Pick<GallerySearchResult, 'hits' | 'groups'>

/**
 * One ranking, worked out as far as its pages are asked for: every page is a piece of one list of which nothing changes
 * any more once it is known. A kept one knows its first hits from the beginning and reads records anew for each page:
 * pictures that are gone by then are left out of it, and their ranks with them.
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

  /** Of memory, roughly. */
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

  /** @param better hits that were had before: copies of them are left out as well */
  #withoutCopies(hits: HitList, better: readonly UnrankedHit[] = []): HitList {
    const { duplicateScore, candidatesMax = candidatesDefault } = this.terms
    return duplicateScore === undefined
      ? hits
      : new DistinctHits({ hits, copies: this.#set.copies, duplicateScore, candidatesMax, better })
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
