/** Rankings whose pages are asked for one after the other, while the galleries change in between. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { SearchPage } from '../../../src/gallery/gallery-searches.js'
import { type ComparedGalleries, name, names, step } from './compared-galleries.js'
import type { PlainHit } from './plain-ranking.js'
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
  const asking = { ...termsOf(asked), k, caller, reach }
  if (!names.every((one) => at.plain.has(one)))
    return assert.rejects(at.galleries.searches.firstPage(searched, asking), { code: 'gallery_not_found' })
  const page = await at.galleries.searches.firstPage(searched, asking)
  const expected = await expectedOf(at, searched, asked)
  const first = { names, searched, asked, expected, place: 0, reach, hasExpired: false }
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
  if (!open.hasExpired) return comparePage(at, open, k, await asking)
  const isThere = open.names.every((one) => at.plain.has(one))
  return assert.rejects(asking, { code: isThere ? 'page_expired' : 'gallery_not_found' })
})

export const pagingSteps = fc.oneof({ weight: 3, arbitrary: firstPage }, firstPageOfBoth, {
  weight: 4,
  arbitrary: nextPage,
})
