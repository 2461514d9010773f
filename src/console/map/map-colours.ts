/** Colours of the points: by label, or by how doubtful the label is. Pure. */

export interface Coloured {
  label: string | null
  /** Share of the nearest pictures with another label; null if unknown. */
  doubt: number | null
}

/** Chosen to be distinguishable for as many people as possible; further labels share the grey. */
const palette = [
  '#2c8f7b',
  '#d9772b',
  '#5b7fd0',
  '#b0588f',
  '#8aa63a',
  '#c44f4f',
  '#7d63c9',
  '#3aa3c9',
  '#c9a227',
  '#4f9d57',
  '#d46ea1',
  '#6b7f94',
  '#a8703c',
  '#2f6fa8',
  '#96b7e8',
  '#e39b7b',
] as const
export const otherColour = '#8b9691'
const doubtColours = ['#2c8f7b', '#8aa63a', '#d9b62b', '#d9772b', '#c43b3b'] as const

/** Only the most frequent labels get their own colours. */
export function labelColours(points: readonly Coloured[]): Map<string | null, string> {
  const counts = new Map<string | null, number>()
  for (const { label } of points) counts.set(label, (counts.get(label) ?? 0) + 1)
  return new Map(
    [...counts]
      .sort(([a, x], [b, y]) => y - x || String(a).localeCompare(String(b)))
      .map(([label], place) => [label, label === null ? otherColour : (palette[place] ?? otherColour)]),
  )
}

export function doubtColour(doubt: number | null): string {
  if (doubt === null) return otherColour
  return doubtColours[Math.min(doubtColours.length - 1, Math.floor(doubt * doubtColours.length))]!
}

export const doubtLegend: [string, string][] = [
  ['sure', doubtColours[0]],
  ['in between', doubtColours[2]],
  ['in doubt', doubtColours[4]],
]
