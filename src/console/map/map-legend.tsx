/** What the marks stand for; clicking a label selects its pictures. */
import { countText } from '../controls/counts.js'
import type { LayoutPoint } from './layout.js'
import { doubtLegend, type Mark, otherMark, shapes } from './map-marks.js'

export interface MapLegendProps {
  by: 'label' | 'doubt'
  points: readonly LayoutPoint[]
  /** By label, the most frequent first. */
  marks: ReadonlyMap<string | null, Mark>
  onChoose: (ids: string[]) => void
}

export function MapLegend({ by, points, marks, onChoose }: MapLegendProps) {
  if (by === 'doubt')
    return (
      <ul class="legend">
        <li class="hint">Judged by the nearest pictures, the label is:</li>
        {doubtLegend.map(([name, mark]) => (
          <li key={name}>
            <Swatch mark={mark} /> {name}
          </li>
        ))}
      </ul>
    )
  const own = [...marks].filter(([, mark]) => mark !== otherMark)
  return (
    <ul class="legend">
      {own.map(([label, mark]) => (
        <li key={label}>
          <button
            type="button"
            class="quiet"
            onClick={() => onChoose(points.filter((point) => point.label === label).map(({ id }) => id))}
          >
            <Swatch mark={mark} /> <bdi>{label ?? 'no label'}</bdi>
          </button>
        </li>
      ))}
      {marks.size > own.length && (
        <li class="hint">
          <Swatch mark={otherMark} /> {countText(marks.size - own.length, 'more label')}
        </li>
      )}
    </ul>
  )
}

function Swatch({ mark: { colour, shape } }: { mark: Mark }) {
  return (
    <svg class="swatch" viewBox="-1.4 -1.4 2.8 2.8" aria-hidden="true">
      <path d={shapes[shape]} style={{ fill: `var(--${colour})` }} />
    </svg>
  )
}
