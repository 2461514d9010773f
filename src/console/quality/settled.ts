/** Which findings decisions settle. Pure. */

export interface Finding {
  kind: 'label' | 'copies'
  /** Of all pictures that it is about. */
  ids: readonly string[]
}

/** Ids in groups of at most a hundred that fit into a URL. */
export function urlBatches(ids: readonly string[]): string[][] {
  const batches: string[][] = []
  let left = 0
  for (const id of ids) {
    const length = encodeURIComponent(id).length + '&id='.length
    if (length > left || batches.at(-1)!.length === idsOfBatch) {
      batches.push([])
      left = batchLength
    }
    batches.at(-1)!.push(id)
    left -= length
  }
  return batches
}

/** As many as the service takes. */
const idsOfBatch = 100
/** Characters: services and proxies accept 8,000 at least; the longest id takes 6,144. */
const batchLength = 6_200

/** Labels are decided picture by picture; of copies one decision is about all of them. */
export function settledBy(decisions: readonly Finding[]): (finding: Finding) => boolean {
  const labels = new Set<string>()
  const groupsOf = new Map<string, ReadonlySet<string>[]>()
  for (const { kind, ids } of decisions) {
    const group = new Set(ids)
    for (const id of ids)
      if (kind === 'label') labels.add(id)
      else groupsOf.set(id, [...(groupsOf.get(id) ?? []), group])
  }
  return ({ kind, ids }) =>
    kind === 'label'
      ? ids.every((id) => labels.has(id))
      : (groupsOf.get(ids[0]!) ?? []).some((group) => ids.every((id) => group.has(id)))
}
