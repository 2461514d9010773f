/** One search of a gallery: the nearest hits, without copies, then as a page, in groups, or the more diverse of them. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Group } from '../ranking/groups.js'
import type { VectorIndex } from '../vector-index/vector-index.js'
import { DistinctHits, slotsOf } from './distinct-hits.js'
import { diverseHits } from './diverse-hits.js'
import type { Filter } from './filter.js'
import { groupedHits } from './grouped-hits.js'
import { NearestHits, recordsPerTurn, type HitList, type UnrankedHit } from './nearest-hits.js'
import type { HitRecord } from './hit-record.js'

export interface GallerySearch {
  /** [dimension], unit length. */
  vector: Float32Array
  /** Hits, or groups where they are grouped. */
  k: number
  /** Hits or groups left out from the top; rank goes on counting. Default 0. */
  offset?: number
  /** Hits of a lower score are left out. */
  minScore?: number
  ef?: number
  exact?: boolean
  /** Only pictures that fit. */
  filter?: Filter
  /** These pictures are left out, e.g. the query itself. */
  excludeIds?: string[]
  /** Copy descriptors of the query's pictures: hits tell how surely they are copies of one. */
  copyDescriptors?: Uint8Array[] | undefined
  /** Only near-copies of the query's pictures: from this near-copy score on. */
  copiesFrom?: number | undefined
  /** Hits whose near-copy score to a better one is at least so much are left out. */
  duplicateScore?: number
  /** Hits are chosen by marginal relevance among the best `candidates`, or among `offset + k` if that is more. */
  diversity?: { share: number; candidates: number }
  /** At most `size` hits for each value of `field`; not together with `diversity`. */
  groupBy?: { field: string; size: number }
  /** So many of the best hits are given besides, whatever page is asked for. */
  voters?: number
  /** Most hits looked at to fill groups, or in place of near-copies. Default 10,000. */
  candidatesMax?: number
  /** Hits have their metadata with them. Default true. */
  metadata?: boolean | undefined
  /** Told how many bytes the hits will have in an answer, about, before their metadata is read, and of each metadata when it is; throws when they are too many. */
  onBytes?: ((bytes: number) => void) | undefined
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
  groups?: HitGroup[]
  /** As they would rank without `diversity` and `groupBy`. */
  voters?: UnrankedHit[]
  /** Pictures that could have been hits. */
  compared: number
  method: 'exact' | 'hnsw'
  ef?: number
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

const candidatesDefault = 10_000
/** Hits whose near-copy scores are asked for at once: some milliseconds of the copies thread. */
const hitsPerQuestion = 1_000
/** Of an answer's JSON, beside id, label and metadata. */
const bytesOfHit = 160

type Page = Pick<GallerySearchResult, 'hits' | 'groups'>

export async function searchGallery(gallery: SearchedGallery, search: GallerySearch): Promise<GallerySearchResult> {
  const startedAt = performance.now()
  const { k, offset = 0, voters } = search
  const allow = await allowedSlots(gallery, search)
  const { nearest, hits } = openList(gallery, search, allow)
  const found: Page = search.groupBy
    ? { hits: [], groups: ranked(await group(gallery, search, hits, allow), offset).map((one) => ({ ...one, hits: ranked(one.hits, 0) })) }
    : { hits: ranked(await best(gallery, search, hits, offset + k), offset) }
  await tellCopies(gallery, search, [...found.hits, ...(found.groups ?? []).flatMap((one) => one.hits)])
  const page = await withMetadata(found, gallery, search)
  const voting = voters === undefined ? undefined : await hits.first(voters)
  const { method, ef } = nearest.result!
  return {
    ...page,
    ...(voting && { voters: voting }),
    compared: allow?.length ?? gallery.size,
    method,
    ...(ef !== undefined && { ef }),
    durationMs: performance.now() - startedAt,
  }
}

/** Undefined: all of them. */
async function allowedSlots({ slotsOf, copies }: SearchedGallery, { filter, copyDescriptors = [], copiesFrom }: GallerySearch): Promise<Uint32Array | undefined> {
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

async function tellCopies({ copies }: SearchedGallery, { copyDescriptors = [] }: GallerySearch, hits: Hit[]): Promise<void> {
  if (copyDescriptors.length === 0 || hits.length === 0) return
  for (let from = 0; from < hits.length; from += hitsPerQuestion) {
    const asked = hits.slice(from, from + hitsPerQuestion)
    const scores = await copies.scores(copyDescriptors, slotsOf(asked))
    asked.forEach((hit, i) => { hit.nearCopyScore = Number.isNaN(scores[i]) ? null : scores[i]! })
  }
}

/** @param seen hits that were had before: the list goes on after the last of them */
function openList(
  { index, recordsOf, copies }: SearchedGallery,
  search: GallerySearch,
  allow: Uint32Array | undefined,
  seen: readonly UnrankedHit[] = [],
): { nearest: NearestHits; hits: HitList } {
  const { vector, ef, exact, minScore, excludeIds, duplicateScore, candidatesMax = candidatesDefault } = search
  const after = seen.at(-1)
  const nearest = new NearestHits({
    index,
    request: { vector, ...(ef !== undefined && { ef }), ...(exact !== undefined && { exact }), ...(allow && { allow }) },
    recordsOf,
    ...(minScore !== undefined && { minScore }),
    ...(excludeIds && { excludeIds }),
    ...(after && { after }),
  })
  const hits = duplicateScore === undefined ? nearest : new DistinctHits({ hits: nearest, copies, duplicateScore, candidatesMax, better: seen })
  return { nearest, hits }
}

async function best({ index }: SearchedGallery, { diversity }: GallerySearch, hits: HitList, needed: number): Promise<UnrankedHit[]> {
  if (diversity === undefined) return hits.first(needed)
  return diverseHits(await hits.first(Math.max(needed, diversity.candidates)), { index, diversity: diversity.share, k: needed })
}

function group(gallery: SearchedGallery, search: GallerySearch, hits: HitList, allowed: Uint32Array | undefined): Promise<Group<UnrankedHit>[]> {
  const { k, offset = 0, groupBy, filter, candidatesMax = candidatesDefault } = search
  const { field, size } = groupBy!
  const listOf = async (keys: Group<UnrankedHit>['key'][], seen: readonly UnrankedHit[]) => {
    const ofKeys: Filter = { field, in: keys }
    const fitting = await gallery.slotsOf(filter === undefined ? ofKeys : { and: [filter, ofKeys] }, false)
    const allow = search.copiesFrom === undefined || allowed === undefined ? fitting : inBoth(allowed, fitting)
    return openList(gallery, search, allow, seen).hits
  }
  return groupedHits(hits, { count: offset + k, size, candidatesMax, listOf })
}

/** Metadata last, and of the hits that are shown alone: of all that are looked at it would be too much. */
async function withMetadata(page: Page, { metadataOf }: SearchedGallery, { metadata = true, onBytes }: GallerySearch): Promise<Page> {
  const hits = [...page.hits, ...(page.groups ?? []).flatMap((group) => group.hits)]
  onBytes?.(hits.reduce((bytes, { record }) => bytes + bytesOfHit + record.id.length + (record.label?.length ?? 0), 0))
  if (!metadata) return page
  const texts = new Map<number, string>()
  for (let from = 0; from < hits.length; from += recordsPerTurn) {
    if (from > 0) await nextTurn()
    const slots = hits.slice(from, from + recordsPerTurn).map(({ record }) => record.slot)
    for (const [slot, text] of metadataOf(slots, ({ length }) => onBytes?.(length))) texts.set(slot, text)
  }
  const complete = (hit: Hit): Hit => ({ ...hit, record: hit.record.withMetadata(texts.get(hit.record.slot)) })
  return { hits: page.hits.map(complete), ...(page.groups && { groups: page.groups.map((group) => ({ ...group, hits: group.hits.map(complete) })) }) }
}

function ranked<Entry>(entries: readonly Entry[], offset: number): (Entry & { rank: number })[] {
  return entries.slice(offset).map((entry, i) => ({ rank: offset + i + 1, ...entry }))
}
