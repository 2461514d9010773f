/**
 * The ranking of one search: the nearest hits, without copies, by diversity or in groups, returned page by page.
 */
import { OneAfterAnother } from '../one-after-another.js'
import type { Group } from '../ranking/groups.js'
import { expandedQuery } from '../ranking/query-expansion.js'
import { BoostedHits } from './boosted-hits.js'
import { DistinctHits } from './distinct-hits.js'
import { DiverseHits } from './diverse-hits.js'
import { lengthOfVector, type NearestHits, type OpenSet } from './engine.js'
import type { GallerySearch, GallerySearchResult, Hit, HitGroup, PageRequest, SearchTerms } from './gallery-search.js'
import { groupedHits } from './grouped-hits.js'
import { bestFirst, type HitList, type UnrankedHit } from './hits.js'

/** The operations of a set that a ranking needs. */
export type SearchedSet = Pick<OpenSet, 'nearest' | 'vectors' | 'likeness' | 'current' | 'metadata' | 'copies'>

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
 * One ranking, computed as far as its pages are requested: every page is a slice of one list, whose known part no
 * longer changes. A kept ranking computes its first hits at once and reads records again for each page: pictures
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
  readonly #boosted: BoostedHits | undefined
  /** The records of the first page have just been read. */
  #isFirstPage = true
  /** Concurrent pages would extend the list at the same position. */
  readonly #pages = new OneAfterAnother()

  private constructor(set: SearchedSet, terms: SearchTerms, nearest: NearestHits, keeping: Keeping | undefined) {
    this.terms = terms
    this.#set = set
    this.#keeping = keeping
    this.#nearest = nearest
    const { diversity, boosts } = terms
    this.#boosted = boosts && new BoostedHits(nearest, boosts)
    this.#hits = this.#withoutCopies(this.#boosted ?? nearest)
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
    const { minScore, ef, exact, filter, excludeIds, copyDescriptors = [], copiesFrom: least } = terms
    const { contentHashes, groupBy, signal } = terms
    const vector = await soughtVector(set, terms)
    const nearest = await set.nearest({
      vector,
      minScore,
      ef,
      exact,
      filter,
      copiesOf: least === undefined ? undefined : { descriptors: copyDescriptors, contentHashes, least },
      excludeIds,
      groupBy: groupBy?.field,
      kept: keeping !== undefined,
      signal,
    })
    return new Ranking(set, { ...terms, vector }, nearest, keeping)
  }

  /** Approximate memory. */
  get bytes(): number {
    const { vector, filter, excludeIds = [], copyDescriptors = [], boosts } = this.terms
    const query =
      vector.byteLength +
      copyDescriptors.reduce((sum, { byteLength }) => sum + byteLength, 0) +
      2 * JSON.stringify([filter, excludeIds, boosts]).length
    return query + this.#nearest.bytes + (this.#boosted?.bytes ?? 0)
  }

  get reach(): number {
    return this.#keeping?.reach ?? Infinity
  }

  page(request: PageRequest): Promise<Omit<GallerySearchResult, 'durationMs'>> {
    return this.#pages.run(() => this.#page(request))
  }

  async #page({ k, offset = 0, voters, ...shown }: PageRequest): Promise<Omit<GallerySearchResult, 'durationMs'>> {
    const end = Math.min(offset + k, this.reach)
    // one more than asked for, to know whether there is a next page
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
    this.#isFirstPage = false
    await this.#scoreCopies(hitsOf(found))
    const page = await this.#withMetadata(await this.#withVectors(found, shown), shown)
    const voting = voters === undefined ? undefined : (await this.#hits.first(voters)).toSorted(bestFirst)
    const { compared, method, ef } = this.#nearest
    const { vector, expand = 0 } = this.terms
    return {
      ...page,
      vector,
      isExpanded: expand > 0,
      ...(voting && { voters: voting }),
      ...(this.#keeping && { more: listed.length > end }),
      compared,
      method,
      ...(ef !== undefined && { ef }),
    }
  }

  /** A deeper search of the graph may add hits that are better than those already known. */
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
    if (this.#keeping === undefined || this.#isFirstPage || hits.length === 0) return hits
    const records = await this.#set.current(
      hits.map(({ record }) => record),
      this.terms.groupBy?.field,
    )
    return hits.flatMap((hit, i) => (records[i] === undefined ? [] : { ...hit, record: records[i] }))
  }

  async #scoreCopies(hits: Hit[]): Promise<void> {
    const { copyDescriptors = [] } = this.terms
    if (copyDescriptors.length === 0 || hits.length === 0) return
    for (let from = 0; from < hits.length; from += hitsPerQuestion) {
      const batch = hits.slice(from, from + hitsPerQuestion)
      const scores = await this.#set.copies.scores(
        copyDescriptors,
        batch.map(({ record }) => record),
      )
      batch.forEach((hit, i) => {
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

  /** Metadata is read last, and only for the hits returned: for all hits examined it would be too much. */
  async #withMetadata(
    page: Page,
    { metadata = true, onBytes }: Pick<PageRequest, 'metadata' | 'onBytes'>,
  ): Promise<Page> {
    const hits = hitsOf(page)
    onBytes?.(
      hits.reduce((bytes, { record }) => bytes + bytesOfHit + record.id.length + (record.label?.length ?? 0), 0),
    )
    if (!metadata) return page
    const texts = await this.#set.metadata(
      hits.map(({ record }) => record),
      ({ length }) => onBytes?.(length),
    )
    const textOf = new Map(hits.map((hit, i) => [hit, texts[i]]))
    return mapped(page, (hit) => ({ ...hit, record: hit.record.withMetadata(textOf.get(hit)) }))
  }

  async #withVectors(
    page: Page,
    { vectors = false, onBytes }: Pick<PageRequest, 'vectors' | 'onBytes'>,
  ): Promise<Page> {
    if (!vectors) return page
    const hits = hitsOf(page)
    onBytes?.(hits.length * lengthOfVector(this.terms.vector.length))
    const found = await this.#set.vectors(hits.map(({ record }) => record))
    const vectorOf = new Map(hits.map((hit, i) => [hit, found[i] ?? null]))
    return mapped(page, (hit) => ({ ...hit, vector: vectorOf.get(hit)! }))
  }

  #groups(count: number): Promise<Group<UnrankedHit>[]> {
    const { groupBy, candidatesMax = candidatesDefault } = this.terms
    const { field, size } = groupBy!
    const listOf = async (keys: Group<UnrankedHit>['key'][], seen: readonly UnrankedHit[]) =>
      this.#withoutCopies(await this.#nearest.fitting({ field, in: keys }, seen), seen)
    // values that change after the first page form no groups
    const seenMin = this.#keeping === undefined ? 0 : hitsKept
    return groupedHits(this.#hits, { count, size, candidatesMax, seenMin, listOf })
  }
}

/** The query's vector, or its expansion by the best of all pictures that may be hits. */
async function soughtVector(
  set: SearchedSet,
  { vector, expand = 0, ef, exact, filter, excludeIds, signal }: SearchTerms & Pick<GallerySearch, 'signal'>,
): Promise<Float32Array> {
  if (expand === 0) return vector
  const hits = await (await set.nearest({ vector, ef, exact, filter, excludeIds, signal })).first(expand)
  const vectors = await set.vectors(hits.map(({ record }) => record))
  signal?.throwIfAborted()
  return expandedQuery(
    vector,
    hits.flatMap(({ score }, i) => (vectors[i] === undefined ? [] : { score, vector: vectors[i] })),
  )
}

/** All of them, those in groups too. */
function hitsOf({ hits, groups = [] }: Page): Hit[] {
  return [...hits, ...groups.flatMap((group) => group.hits)]
}

function mapped({ hits, groups }: Page, complete: (hit: Hit) => Hit): Page {
  return {
    hits: hits.map(complete),
    ...(groups && { groups: groups.map((group) => ({ ...group, hits: group.hits.map(complete) })) }),
  }
}

function ranked<Entry>(entries: readonly Entry[], offset: number): (Entry & { rank: number })[] {
  return entries.map((entry, i) => ({ rank: offset + i + 1, ...entry }))
}
