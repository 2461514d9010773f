/** Groups hits that share a value: one group per value, in the order of their best hits. */

export type GroupKey = string | number | boolean

export interface Group<Hit> {
  key: GroupKey
  /** In their original order. */
  hits: Hit[]
}

/**
 * @param hits best first
 * @param keysOf a hit with several keys belongs to several groups, one without any to none
 * @param size maximum hits per group; later ones are omitted
 */
export function groupHits<Hit>(
  hits: readonly Hit[],
  keysOf: (hit: Hit) => readonly GroupKey[],
  size: number,
): Group<Hit>[] {
  const groups = new Map<GroupKey, Group<Hit>>()
  for (const hit of hits) {
    for (const key of new Set(keysOf(hit))) {
      const group = groups.get(key)
      if (group === undefined) groups.set(key, { key, hits: [hit] })
      else if (group.hits.length < size) group.hits.push(hit)
    }
  }
  return [...groups.values()]
}
