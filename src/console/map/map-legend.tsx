/** The colours of the labels; clicking a label selects its pictures. */
import { countText } from '../controls/counts.js'
import type { LayoutPoint } from './layout.js'
import { doubtLegend, otherColour } from './map-colours.js'

export interface MapLegendProps {
  by: 'label' | 'doubt'
  points: readonly LayoutPoint[]
  colours: ReadonlyMap<string | null, string>
  onChoose: (ids: string[]) => void
}

const shownMax = 24

export function MapLegend({ by, points, colours, onChoose }: MapLegendProps) {
  if (by === 'doubt')
    return (
      <ul class="legend">
        <li class="hint">Judged by the nearest pictures, the label is:</li>
        {[...doubtLegend, ['not known', otherColour] as const].map(([name, colour]) => (
          <li key={name}>
            <Swatch colour={colour} /> {name}
          </li>
        ))}
      </ul>
    )
  return (
    <ul class="legend">
      {[...colours].slice(0, shownMax).map(([label, colour]) => (
        <li key={label}>
          <button
            type="button"
            class="quiet"
            onClick={() => onChoose(points.filter((point) => point.label === label).map(({ id }) => id))}
          >
            <Swatch colour={colour} /> <bdi>{label ?? 'no label'}</bdi>
          </button>
        </li>
      ))}
      {colours.size > shownMax && <li class="hint">and {countText(colours.size - shownMax, 'more label')}</li>}
    </ul>
  )
}

function Swatch({ colour }: { colour: string }) {
  return <span class="swatch" style={{ background: colour }} />
}
