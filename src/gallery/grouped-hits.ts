/** Hits grouped by the value of a field: first as many groups as requested, then the hits that these still lack. */
import { type Group, type GroupKey, groupHits } from '../ranking/groups.js'
import type { HitList, UnrankedHit } from './hits.js'

export interface GroupedHitsOptions {
  /** Number of groups to find. */
  count: number
  /** Maximum number of hits per group. */
  size: number
  /** Maximum number of hits examined in each of the two passes. */
  candidatesMax: number
  /** Number of hits examined at once, if that is more than the groups need. Default 0. */
  seenMin?: number | undefined
  /** The hits with one of these values that come after `seen`, the last of which is the worst. */
  listOf(keys: GroupKey[], seen: readonly UnrankedHit[]): Promise<HitList>
}

/** Hits fetched first for each requested group. */
const hitsPerGroup = 4

/**
 * Pictures that lack the field belong to no group.
 * @returns by best hit; fewer than `count` only if `hits` or `candidatesMax` is exhausted
 */
export async function groupedHits(
  hits: HitList,
  { count, size, candidatesMax, seenMin = 0, listOf }: GroupedHitsOptions,
): Promise<Group<UnrankedHit>[]> {
  const keysOf = ({ record }: UnrankedHit) => record.groupKeys ?? []
  const found = await fetchUntil(
    hits,
    Math.min(candidatesMax, Math.max(seenMin, count * hitsPerGroup)),
    candidatesMax,
    (seen) => groupHits(seen, keysOf, size).length >= count,
  )
  const groups = groupHits(found.seen, keysOf, size).slice(0, count)

  const short = new Map(groups.filter((group) => group.hits.length < size).map((group) => [group.key, group]))
  if (short.size === 0 || found.exhausted) return groups
  // Hits with a rare value are far down the list; a search for that value brings them close.
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

/** Twice as many each time, until there are enough or no more. */
async function fetchUntil(
  hits: HitList,
  begin: number,
  max: number,
  isEnough: (seen: UnrankedHit[]) => boolean,
): Promise<{ seen: UnrankedHit[]; exhausted: boolean }> {
  for (let fetch = Math.min(begin, max); ; fetch = Math.min(fetch * 2, max)) {
    const seen = await hits.first(fetch)
    const isWhole = seen.length < fetch
    if (isWhole || fetch === max || isEnough(seen)) return { seen, exhausted: isWhole && hits.isCut !== true }
  }
}
