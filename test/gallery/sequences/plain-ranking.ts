/** What a search makes of the list of all hits, by plain loops over that list: without copies, in groups, raised. */
import type { Boost } from '../../../src/gallery/boosted-hits.js'
import type { Hit } from '../../../src/gallery/gallery-search.js'
import { copyScore, scoreOf } from './pictures.js'
import { groupValues, matches } from './plain-filter.js'
import type { PlainImage } from './plain-gallery.js'

/** A hit, and the image as it was then. */
export interface PlainHit {
  /** Name, if several are searched. */
  gallery: string | undefined
  id: string
  /** As the engine computed it, already compared. */
  score: number
  image: PlainImage & { version: object }
}

export interface PlainGroup {
  key: string | number | boolean
  hits: PlainHit[]
}

/** Score descending, then id (as JavaScript compares texts), then gallery. */
export function bestFirst(hits: readonly PlainHit[]): PlainHit[] {
  return hits.toSorted(
    (a, b) => b.score - a.score || inCodeUnits(a.id, b.id) || inCodeUnits(a.gallery ?? '', b.gallery ?? ''),
  )
}

const inCodeUnits = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

/** Leaves out what has the bytes of a better hit, or is a near-copy of one that is kept. */
export function withoutCopies(hits: readonly PlainHit[], duplicateScore: number): PlainHit[] {
  const kept: PlainHit[] = []
  for (const hit of hits) {
    const isCopyOf = ({ image: { picture } }: PlainHit) =>
      picture === hit.image.picture ||
      (copyScore(picture.copyDescriptor, hit.image.picture.copyDescriptor) ?? 0) >= duplicateScore
    if (!kept.some(isCopyOf)) kept.push(hit)
  }
  return kept
}

/** By their best hits; an image is in a group for each of its values. */
export function grouped(hits: readonly PlainHit[], field: string, size: number): PlainGroup[] {
  const groups: PlainGroup[] = []
  for (const hit of hits)
    for (const key of groupValues(hit.image, field)) {
      const group = groups.find((one) => one.key === key)
      if (group === undefined) groups.push({ key, hits: [hit] })
      else if (group.hits.length < size) group.hits.push(hit)
    }
  return groups
}

export function raised(hits: readonly PlainHit[], boosts: readonly Boost[]): PlainHit[] {
  return bestFirst(
    hits.map((hit) => {
      let boost = 0
      for (const { filter, weight } of boosts) if (matches(hit.image, filter)) boost += weight
      return { ...hit, score: hit.score + boost }
    }),
  )
}

/**
 * The first hit that marginal relevance would not select at its place, given those before it; undefined if there is none.
 * Values that differ by rounding count as equal.
 * @param pools the list in its original order, in parts that are reordered one after the other
 */
export function misplaced(
  chosen: readonly Hit[],
  { hits, share, candidates }: { hits: readonly PlainHit[]; share: number; candidates: number },
): Hit | undefined {
  const before: PlainHit[] = []
  for (let at = 0; at < chosen.length; at++) {
    const pool = hits.slice(at - (at % candidates), at - (at % candidates) + candidates)
    const left = pool.filter((hit) => !before.includes(hit))
    const gain = ({ score, image }: PlainHit) =>
      (1 - share) * score -
      share * Math.max(...before.map((one) => scoreOf(one.image.picture.vector, image.picture.vector)))
    const found = left.find(({ id }) => id === chosen[at]!.record.id)
    if (found === undefined) return chosen[at]
    const isBest = at === 0 ? found === left[0] : left.every((one) => gain(one) <= gain(found) + 1e-6)
    if (!isBest) return chosen[at]
    before.push(found)
  }
  return undefined
}
