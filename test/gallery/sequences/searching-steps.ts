/** Searches of every kind. The list of all hits is compared with plain loops; everything else follows from that list. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Galleries } from '../../../src/gallery/galleries.js'
import type { GallerySearch, GallerySearchResult, Hit } from '../../../src/gallery/gallery-search.js'
import type { Serving } from '../../../src/gallery/serving.js'
import { type ComparedGalleries, name, names, step } from './compared-galleries.js'
import { field, filter, id, maybe, picture } from './drawn-values.js'
import { embeddedBy, type SetModel } from './models.js'
import { copyScore, pictures, scoreOf } from './pictures.js'
import { matches } from './plain-filter.js'
import type { PlainImage } from './plain-gallery.js'
import {
  bestFirst,
  grouped,
  misplaced,
  type PlainGroup,
  type PlainHit,
  raised,
  withoutCopies,
} from './plain-ranking.js'

/** More than any gallery of a sequence has. */
const all = 100
/** A score at a limit may be rounded to either side of it. */
const rounding = 1e-5

/** Which images may be hits. */
const among = fc.record({
  picture,
  minScore: maybe(fc.constantFrom<number>(-1, 0, 0.5, 1)),
  filter: maybe(filter),
  excludeIds: maybe(fc.array(id, { minLength: 1, maxLength: 2 })),
  exact: fc.boolean(),
})
type Among = typeof among extends fc.Arbitrary<infer Value> ? Value : never

const duplicateScore = fc.constantFrom(0.4, 0.9)
const diversity = fc.record({ share: fc.constantFrom(0, 0.3, 0.7, 1), candidates: fc.integer({ min: 1, max: 6 }) })
const groupBy = fc.record({
  field: fc.oneof(fc.constantFrom('label', 'metadata.n'), field),
  size: fc.integer({ min: 1, max: 6 }),
})
const boosts = fc.array(fc.record({ filter, weight: fc.constantFrom(0.05, 0.5, 2.5) }), { minLength: 1, maxLength: 3 })
const copies = fc.record({
  pictures: fc.array(picture, { minLength: 1, maxLength: 2 }),
  copiesFrom: maybe(fc.constantFrom(0.4, 0.9)),
})

/** How the hits are arranged: those combinations that requests may ask for. */
const arranged = fc.oneof(
  fc.record({ copies: maybe(copies) }),
  fc.record({ duplicateScore, candidatesMax: maybe(fc.integer({ min: 1, max: 5 })) }),
  fc.record({ diversity, duplicateScore: maybe(duplicateScore) }),
  fc.record({ groupBy, copies: maybe(copies) }),
  fc.record({ boosts }),
)
/** The same that several galleries can be searched for. */
const arrangedJointly = fc.oneof(fc.constant({}), fc.record({ groupBy }), fc.record({ boosts }))

export interface Arranged {
  copies?: { pictures: number[]; copiesFrom: number | undefined } | undefined
  duplicateScore?: number | undefined
  candidatesMax?: number | undefined
  diversity?: { share: number; candidates: number } | undefined
  groupBy?: { field: string; size: number } | undefined
  boosts?: { filter: NonNullable<Among['filter']>; weight: number }[] | undefined
}

export type Asked = Among & Arranged & { set?: SetModel | undefined; expand?: number | undefined }

export const asked: fc.Arbitrary<Asked> = fc.tuple(among, arranged).map(([one, other]) => ({ ...one, ...other }))
export const askedJointly: fc.Arbitrary<Asked> = fc
  .tuple(among, arrangedJointly)
  .map(([one, other]) => ({ ...one, excludeIds: undefined, ...other }))

/** The terms of the search, as a caller states them to a set. */
export function termsOf({ picture, copies, set: _, ...asked }: Asked, { modelId }: Serving): Omit<GallerySearch, 'k'> {
  const copied = copies?.pictures.map((one) => pictures[one]!)
  return {
    ...asked,
    vector: embeddedBy(modelId, pictures[picture]!.vector),
    copyDescriptors: copied?.flatMap(({ copyDescriptor }) => copyDescriptor ?? []),
    ...(copies?.copiesFrom !== undefined && {
      copiesFrom: copies.copiesFrom,
      contentHashes: copied!.map(({ contentHash }) => contentHash),
    }),
  }
}

/** As requests do, which are answered by one set from beginning to end. */
export async function search(
  { searches }: Galleries,
  searched: string | readonly string[],
  { set, ...asked }: Asked,
  page: Pick<GallerySearch, 'k' | 'offset' | 'voters'>,
): Promise<GallerySearchResult> {
  const serving = set === undefined ? searches.serving(searched) : searches.ofSet(searched as string, set.id)
  return searches.search(await serving, { ...termsOf(asked, await serving), ...page })
}

/** Whether the image may be a hit, as far as its score does not matter. */
function mayBeHit(id: string, image: PlainImage, { filter, excludeIds = [], copies }: Asked): boolean {
  if (excludeIds.some((one) => one.normalize('NFC') === id)) return false
  if (filter !== undefined && !matches(image, filter)) return false
  return copies?.copiesFrom === undefined || isCopy(image, copies.pictures, copies.copiesFrom)
}

function isCopy({ picture }: PlainImage, of: number[], least: number): boolean {
  return of.some(
    (one) =>
      pictures[one] === picture || (copyScore(pictures[one]!.copyDescriptor, picture.copyDescriptor) ?? 0) >= least,
  )
}

/** The list of all hits, in order, compared with what the galleries contain. */
async function listOf(at: ComparedGalleries, searched: string | readonly string[], asked: Asked): Promise<PlainHit[]> {
  const { picture, filter, excludeIds, minScore, exact, copies, set } = asked
  const terms = { picture, filter, excludeIds, minScore, exact, copies, set }
  const { hits, compared } = await search(at.galleries, searched, terms, { k: all })
  const candidates = [searched]
    .flat()
    .flatMap((gallery) =>
      [...at.plain.get(gallery)!.images].flatMap(([id, image]) =>
        mayBeHit(id, image, asked)
          ? { gallery, id, image, score: scoreOf(pictures[picture]!.vector, image.picture.vector) }
          : [],
      ),
    )
  const list = hits.map(({ gallery, rank, score, record }, i): PlainHit => {
    const name = gallery ?? (searched as string)
    assert.ok(candidates.some((one) => one.gallery === name && one.id === record.id))
    assert.equal(rank, i + 1)
    return { gallery, id: record.id, score, image: at.plain.get(name)!.images.get(record.id)! }
  })
  assert.equal(new Set(list.map(({ gallery, id }) => `${gallery} ${id}`)).size, list.length, 'a hit is repeated')
  const best = candidates.map(({ score }) => score).sort((a, b) => b - a)
  const clear = best.filter((score) => score >= (minScore ?? -1) + rounding || score === minScore).length
  const allowed = best.filter((score) => score >= (minScore ?? -1) - rounding).length
  assert.ok(hits.length >= (minScore === undefined ? best.length : clear) && hits.length <= allowed, 'hits are missing')
  for (const [i, { score, image }] of list.entries()) {
    assert.ok(Math.abs(score - scoreOf(pictures[picture]!.vector, image.picture.vector)) < rounding)
    assert.ok(Math.abs(score - best[i]!) < rounding)
  }
  assert.deepEqual(list.map(idOf), bestFirst(list).map(idOf))
  // not every server can evaluate every filter before it searches
  assert.ok(compared + (excludeIds?.length ?? 0) >= candidates.length)
  return list
}

const idOf = ({ gallery, id }: PlainHit): string => `${gallery ?? ''}/${id}`
const idOfHit = ({ gallery, record }: Hit): string => `${gallery ?? ''}/${record.id}`

/** What the search has to return on all its pages, as far as it follows from the list of all hits. */
export interface Expected {
  /** With `diversity`, in the order before it. */
  hits: PlainHit[]
  groups?: PlainGroup[] | undefined
}

export async function expectedOf(
  at: ComparedGalleries,
  searched: string | readonly string[],
  asked: Asked,
): Promise<Expected> {
  const { duplicateScore, candidatesMax, groupBy, boosts } = asked
  let hits = await listOf(at, searched, asked)
  if (boosts !== undefined) hits = raised(hits, boosts)
  if (duplicateScore !== undefined) hits = withoutCopies(hits.slice(0, candidatesMax), duplicateScore)
  return { hits, groups: groupBy && grouped(hits, groupBy.field, groupBy.size) }
}

/** Hits are shown as they are stored now. */
export function expectShown(
  at: ComparedGalleries,
  searched: string | readonly string[],
  asked: Asked,
  hits: Hit[],
): void {
  for (const { gallery = searched as string, record, score, similarity = score, nearCopyScore } of hits) {
    const image = at.plain.get(gallery)!.images.get(record.id)!
    assert.deepEqual([record.label, record.metadata], [image.label, image.metadata])
    assert.equal(record.contentHash, image.picture.contentHash)
    assert.ok(Math.abs(similarity - scoreOf(pictures[asked.picture]!.vector, image.picture.vector)) < rounding)
    expectNearCopyScore(image, asked, nearCopyScore)
  }
}

function expectNearCopyScore({ picture }: PlainImage, { copies }: Asked, found: number | null | undefined): void {
  const descriptors = copies?.pictures.flatMap((one) => pictures[one]!.copyDescriptor ?? []) ?? []
  const scores = descriptors.flatMap((descriptor) => copyScore(descriptor, picture.copyDescriptor) ?? [])
  if (descriptors.length === 0) assert.equal(found, undefined)
  else if (scores.length === 0) assert.equal(found, null)
  else assert.ok(Math.abs(found! - Math.max(...scores)) < rounding)
}

/** One page of what is expected. @param isStill whether a hit is still stored as it was; default: all of them */
export function expectPage(
  { groups, hits }: Pick<GallerySearchResult, 'groups' | 'hits'>,
  expected: Expected,
  { offset, k, isStill = () => true }: { offset: number; k: number; isStill?: (hit: PlainHit) => boolean },
  { diversity }: Arranged,
): void {
  const page = <One>(list: readonly One[]) =>
    list.slice(offset, offset + k).map((one, i) => ({ rank: offset + i + 1, one }))
  if (expected.groups !== undefined) {
    assert.deepEqual(hits, [])
    const ranked = (list: readonly PlainHit[]) => list.map((hit, i) => ({ rank: i + 1, hit }))
    assert.deepEqual(
      groups!.map((group) => [group.rank, group.key, group.hits.map((hit) => [hit.rank, idOfHit(hit)])]),
      page(expected.groups).flatMap(({ rank, one: { key, hits: members } }) => {
        const left = ranked(members).filter(({ hit }) => isStill(hit))
        return left.length === 0 ? [] : [[rank, key, left.map(({ rank, hit }) => [rank, idOf(hit)])]]
      }),
    )
  } else if (diversity === undefined)
    assert.deepEqual(
      hits.map((hit) => [hit.rank, idOfHit(hit)]),
      page(expected.hits).flatMap(({ rank, one }) => (isStill(one) ? [[rank, idOf(one)]] : [])),
    )
  // the order is compared elsewhere
  else for (const hit of hits) assert.ok(expected.hits.some((one) => idOf(one) === idOfHit(hit) && isStill(one)))
}

export const page = {
  k: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 12 })),
  offset: fc.oneof(fc.constant(0), fc.nat(4)),
  voters: maybe(fc.integer({ min: 1, max: 5 })),
}

export async function compareSearch(
  at: ComparedGalleries,
  searched: string | readonly string[],
  asked: Asked,
  { k, offset, voters }: { k: number; offset: number; voters: number | undefined },
): Promise<void> {
  const votes = asked.boosts === undefined ? voters : undefined
  const expected = await expectedOf(at, searched, asked)
  const found = await search(at.galleries, searched, asked, { k, offset, voters: votes })
  expectPage(found, expected, { offset, k }, asked)
  expectShown(at, searched, asked, [...found.hits, ...(found.groups ?? []).flatMap(({ hits }) => hits)])
  if (votes !== undefined)
    assert.deepEqual(
      found.voters!.map((voter) => `${voter.gallery ?? ''}/${voter.record.id}`),
      expected.hits.slice(0, votes).map(idOf),
    )
  if (asked.diversity === undefined) return
  const { hits } = await search(at.galleries, searched, asked, { k: all })
  assert.equal(misplaced(hits, { ...asked.diversity, hits: expected.hits }), undefined)
  assert.deepEqual(found.hits.map(idOfHit), hits.slice(offset, offset + k).map(idOfHit))
}

export const searchOne = step('search', fc.record({ name, asked, ...page }), (at, { name, asked, ...page }) =>
  at.of(
    name,
    (galleries) => search(galleries, name, asked, { k: page.k }),
    () => compareSearch(at, name, asked, page),
  ),
)

const searchBoth = step('search both', fc.record({ asked: askedJointly, ...page }), async (at, { asked, ...page }) => {
  const code = at.obstacleOf(names)
  if (code === undefined) return compareSearch(at, names, asked, page)
  return assert.rejects(search(at.galleries, names, asked, { k: page.k }), { code })
})

/** The hits that expand the query are those of the same search without. */
const searchExpanded = step(
  'search expanded',
  fc.record({
    name,
    asked: among.map((one): Asked => ({ ...one, minScore: undefined })),
    expand: fc.integer({ min: 1, max: 4 }),
  }),
  (at, { name, asked, expand }) =>
    at.of(
      name,
      (galleries) => search(galleries, name, { ...asked, expand }, { k: all }),
      async (plain, answer) => {
        const list = await listOf(at, name, asked)
        const best = list.slice(0, expand).map(({ score, image }) => ({ score, vector: image.picture.vector }))
        const sought = expanded(pictures[asked.picture]!.vector, best)
        const { hits, isExpanded } = await answer()
        assert.equal(isExpanded, true)
        assert.deepEqual(hits.map(idOfHit).sort(), list.map(idOf).sort())
        for (const [i, { score, record }] of hits.entries()) {
          assert.ok(Math.abs(score - scoreOf(sought, plain.images.get(record.id)!.picture.vector)) < rounding)
          assert.ok(i === 0 || score <= hits[i - 1]!.score)
        }
      },
    ),
)

/** In the direction of query + Σ max(score, 0)³ · hit. */
function expanded(query: Float32Array, hits: readonly { score: number; vector: Float32Array }[]): Float32Array {
  return query.map((value, i) =>
    hits.reduce((sum, { score, vector }) => sum + Math.max(score, 0) ** 3 * vector[i]!, value),
  )
}

/** Everything in the galleries is found, whatever is searched for. */
export async function compareAllSearches(at: ComparedGalleries): Promise<void> {
  for (const name of at.plain.keys()) await compareSearchesOf(at, name)
}

/** @param set default: the one that serves */
export async function compareSearchesOf(at: ComparedGalleries, name: string, set?: SetModel): Promise<void> {
  const all = { minScore: undefined, filter: undefined, excludeIds: undefined, exact: false }
  for (const picture of pictures.keys()) await listOf(at, name, { ...all, picture, set })
}

export const searchingSteps = fc.oneof({ weight: 6, arbitrary: searchOne }, searchBoth, searchExpanded)
