/** Hits by the value of a field: first as many groups as are asked for, then the hits that these still lack. */
import { type Group, type GroupKey, groupHits } from '../ranking/groups.js'
import type { HitList, UnrankedHit } from './hits.js'

export interface GroupedHitsOptions {
  /** Groups to find. */
  count: number
  /** Most hits of a group. */
  size: number
  /** Most hits that are looked at, in each of the two passes. */
  candidatesMax: number
  /** The hits with one of these values among those that come after `seen`, the last of which is the worst. */
  listOf(keys: GroupKey[], seen: readonly UnrankedHit[]): Promise<HitList>
}

/** Hits fetched first for each group wanted. */
const hitsPerGroup = 4

/**
 * Pictures that lack the field belong to no group.
 * @returns by best hit; fewer than `count` only when `hits` or `candidatesMax` ends
 */
export async function groupedHits(
  hits: HitList,
  { count, size, candidatesMax, listOf }: GroupedHitsOptions,
): Promise<Group<UnrankedHit>[]> {
  const keysOf = ({ record }: UnrankedHit) => record.groupKeys ?? []
  const found = await fetchUntil(
    hits,
    Math.min(candidatesMax, count * hitsPerGroup),
    candidatesMax,
    (seen) => groupHits(seen, keysOf, size).length >= count,
  )
  const groups = groupHits(found.seen, keysOf, size).slice(0, count)

  const short = new Map(groups.filter((group) => group.hits.length < size).map((group) => [group.key, group]))
  if (short.size === 0 || found.exhausted) return groups
  // Hits of a rare value lie far down the list: asked for by that value, all of them are near.
  const rest = await listOf([...short.keys()], found.seen)
  const missing = groupHits(
    (await fetchUntil(rest, size * short.size, candidatesMax, (seen) => allFull(groupHits(seen, keysOf, size)))).seen,
    keysOf,
    size,
  )
  for (const { key, hits: more } of missing) {
    const group = short.get(key)
    group?.hits.push(...more.slice(0, size - group.hits.length))
  }
  return groups

  function allFull(more: Group<UnrankedHit>[]): boolean {
    const sizes = new Map(more.map((group) => [group.key, group.hits.length]))
    return [...short.values()].every((group) => group.hits.length + (sizes.get(group.key) ?? 0) >= size)
  }
}

/** Twice as many each time, until they are enough or there are no more. */
async function fetchUntil(
  hits: HitList,
  begin: number,
  max: number,
  isEnough: (seen: UnrankedHit[]) => boolean,
): Promise<{ seen: UnrankedHit[]; exhausted: boolean }> {
  for (let fetch = Math.min(begin, max); ; fetch = Math.min(fetch * 2, max)) {
    const seen = await hits.first(fetch)
    const exhausted = seen.length < fetch
    if (exhausted || fetch === max || isEnough(seen)) return { seen, exhausted }
  }
}
