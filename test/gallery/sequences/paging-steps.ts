/** Rankings whose pages are asked for one after the other, while the galleries change in between. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { SearchPage } from '../../../src/gallery/gallery-searches.js'
import { type ComparedGalleries, name, names, step } from './compared-galleries.js'
import type { PlainHit } from './plain-ranking.js'
import type { PlainSet } from './plain-set.js'
import {
  type Asked,
  asked,
  askedJointly,
  type Expected,
  expectedOf,
  expectPage,
  expectShown,
  termsOf,
} from './searching-steps.js'

/** The next page of a ranking. */
export interface OpenPage {
  token: string
  /** Of the galleries that are searched. */
  names: readonly string[]
  searched: string | readonly string[]
  asked: Asked
  /** That are searched. */
  sets: readonly PlainSet[]
  /** As it was when the ranking was opened. */
  expected: Expected
  place: number
  reach: number
  hasExpired: boolean
}

const caller = 'someone'
const k = fc.integer({ min: 1, max: 4 })

async function openRanking(
  at: ComparedGalleries,
  searched: string | readonly string[],
  { asked, k, reach }: { asked: Asked; k: number; reach: number },
): Promise<void> {
  const names = [searched].flat()
  const { searches } = at.galleries
  const open = async () => {
    const serving = await searches.serving(searched)
    return searches.firstPage(serving, { ...termsOf(asked, serving), k, caller, reach })
  }
  const code = at.obstacleOf(names)
  if (code !== undefined) return assert.rejects(open(), { code })
  const page = await open()
  const expected = await expectedOf(at, searched, asked)
  const sets = names.map((one) => at.plain.get(one)!.serving)
  const first = { names, searched, asked, sets, expected, place: 0, reach, hasExpired: false }
  comparePage(at, first, k, page)
}

/** What was deleted or replaced since is left out, and its rank with it. */
function comparePage(at: ComparedGalleries, opened: Omit<OpenPage, 'token'>, k: number, found: SearchPage): void {
  const { searched, asked, expected, place, reach } = opened
  const count = (expected.groups ?? expected.hits).length
  const end = Math.min(place + k, reach)
  const isStill = ({ gallery, id, image }: PlainHit) =>
    at.plain.get(gallery ?? (searched as string))?.images.get(id)?.version === image.version
  expectPage(found, expected, { offset: place, k: Math.max(0, end - place), isStill }, asked)
  expectShown(at, searched, asked, [...found.hits, ...(found.groups ?? []).flatMap(({ hits }) => hits)])
  const isMore = count > end && end < reach
  assert.equal(found.nextPageToken !== undefined, isMore)
  if (isMore) at.pages.push({ ...opened, token: found.nextPageToken!, place: place + k })
}

const firstPage = step(
  'first page',
  fc.record({ name, asked, k, reach: fc.constantFrom(3, 100) }),
  (at, { name, ...ranking }) => openRanking(at, name, ranking),
)
const firstPageOfBoth = step(
  'first page of both',
  fc.record({ asked: askedJointly, k, reach: fc.constant(100) }),
  (at, ranking) => openRanking(at, names, ranking),
)

/** Also the same page again. */
const nextPage = step('next page', fc.record({ page: fc.nat(20), k }), async (at, { page, k }) => {
  const open = at.pages[page % Math.max(1, at.pages.length)]
  if (open === undefined) return
  const asking = at.galleries.searches.nextPage(open.searched, { token: open.token, caller, k })
  if (!open.hasExpired) return isOfServing(at, open) ? comparePage(at, open, k, await asking) : asking
  const isThere = open.names.every((one) => at.plain.has(one))
  return assert.rejects(asking, { code: isThere ? 'page_expired' : 'gallery_not_found' })
})

/** Otherwise the ranking goes on in a set that may lag behind. */
function isOfServing(at: ComparedGalleries, { names, sets }: OpenPage): boolean {
  return names.every((name, i) => at.plain.get(name)?.serving === sets[i])
}

export const pagingSteps = fc.oneof({ weight: 3, arbitrary: firstPage }, firstPageOfBoth, {
  weight: 4,
  arbitrary: nextPage,
})
