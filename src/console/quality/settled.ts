/** Which findings decisions settle. Pure. */

export interface Finding {
  kind: 'label' | 'copies'
  /** Of all pictures that it is about. */
  ids: readonly string[]
}

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
