/** The selected pictures of a list, and the cursor. Pure. */

export interface Selection {
  ids: ReadonlySet<string>
  /** Index of the cursor in the list. */
  cursor: number
  /** Start of a range selected with Shift. */
  anchor: number
  /** Index of the picture chosen last, from where Shift and Space select a range. */
  picked: number
}

export const nothingChosen: Selection = { ids: new Set(), cursor: 0, anchor: 0, picked: 0 }

/** Adds or removes one picture. */
export function toggled({ ids }: Selection, list: readonly { id: string }[], place: number): Selection {
  const next = new Set(ids)
  const id = list[place]?.id
  if (id !== undefined && !next.delete(id)) next.add(id)
  return { ids: next, cursor: place, anchor: place, picked: place }
}

/** Extends the selection to everything from the anchor on. */
export function extended(selection: Selection, list: readonly { id: string }[], place: number): Selection {
  const { ids, anchor } = selection
  const [from, to] = [Math.min(anchor, place), Math.max(anchor, place)]
  return { ...selection, ids: new Set([...ids, ...list.slice(from, to + 1).map(({ id }) => id)]), cursor: place }
}

/** Begins a range at a picture, which is added. */
export function added(selection: Selection, list: readonly { id: string }[], place: number): Selection {
  return extended({ ...selection, anchor: place, picked: place }, list, place)
}

export interface GridKey {
  key: string
  shift: boolean
  /** Control, or Command. */
  control: boolean
}

export interface GridShape {
  perRow: number
  /** Length of the whole list, of which only the beginning may have been loaded. */
  count: number
}

/** The effect of a key; undefined if it has none. */
export function afterKey(
  selection: Selection,
  list: readonly { id: string }[],
  { key, shift, control }: GridKey,
  { perRow, count }: GridShape,
): Selection | undefined {
  const last = count - 1
  const { cursor, picked } = selection
  if (key === ' ' && shift) return extended({ ...selection, anchor: picked }, list, cursor)
  if (key === ' ') return toggled(selection, list, cursor)
  if (key === 'Escape') return { ...selection, ids: new Set() }
  if (key === 'a' && control) return { ...selection, ids: new Set(list.map(({ id }) => id)) }
  const target: Record<string, number> = {
    ArrowLeft: cursor - 1,
    ArrowRight: cursor + 1,
    ArrowUp: cursor - perRow,
    ArrowDown: cursor + perRow,
    PageUp: cursor - 5 * perRow,
    PageDown: cursor + 5 * perRow,
    Home: 0,
    End: last,
  }
  if (control || target[key] === undefined) return undefined
  const place = Math.max(0, Math.min(last, target[key]))
  return shift ? extended(selection, list, place) : { ...selection, cursor: place, anchor: place }
}
