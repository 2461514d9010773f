/** Marks of the points: one of few colours and shapes by label, or a colour by how doubtful the label is. Pure. */

export interface Marked {
  label: string | null
  /** Share of the nearest pictures with another label; null if unknown. */
  doubt: number | null
}

export interface Mark {
  /** Name in `tokens.css`, without the dashes. */
  colour: string
  shape: keyof typeof shapes
}

/** Outlines of about the same area around 0, as paths of SVG and of a canvas. */
export const shapes = {
  disc: 'M1 0A1 1 0 1 1-1 0A1 1 0 1 1 1 0Z',
  triangle: 'M0-1.3L1.25.9H-1.25Z',
  square: 'M-.9-.9H.9V.9H-.9Z',
  cross: 'M-.45-1.2H.45V-.45H1.2V.45H.45V1.2H-.45V.45H-1.2V-.45H-.45Z',
} as const

export const labelColours = Array.from({ length: 8 }, (_, place) => `map-${place + 1}`)
export const doubtColours = Array.from({ length: 5 }, (_, place) => `doubt-${place + 1}`)
export const otherColour = 'map-other'

/** Eight labels have discs of their own colour, the next eight triangles in the same colours, and so on. */
const labelMarks: readonly Mark[] = Object.keys(shapes).flatMap((shape) =>
  labelColours.map((colour) => ({ colour, shape: shape as Mark['shape'] })),
)
export const unlabelledMark: Mark = { colour: otherColour, shape: 'disc' }
/** Shared by all that are less frequent than those with marks of their own. */
export const otherMark: Mark = { colour: otherColour, shape: 'cross' }

/** In the order of the legend: the most frequent labels first, each of which has its own mark. */
export function marksOfLabels(points: readonly Marked[]): Map<string | null, Mark> {
  const counts = new Map<string | null, number>()
  for (const { label } of points) counts.set(label, (counts.get(label) ?? 0) + 1)
  const labels = [...counts].sort(([a, x], [b, y]) => y - x || String(a).localeCompare(String(b)))
  const marks = labelMarks.values()
  return new Map(labels.map(([label]) => [label, label === null ? unlabelledMark : (marks.next().value ?? otherMark)]))
}

export function markOfDoubt(doubt: number | null): Mark {
  if (doubt === null) return unlabelledMark
  const colour = doubtColours[Math.min(doubtColours.length - 1, Math.floor(doubt * doubtColours.length))]!
  return { colour, shape: 'disc' }
}

export const doubtLegend: readonly [string, Mark][] = [
  ['sure', markOfDoubt(0)],
  ['in between', markOfDoubt(0.5)],
  ['in doubt', markOfDoubt(1)],
  ['not known', unlabelledMark],
]
