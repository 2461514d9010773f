/** A picture with a heat map overlay that shows where its score comes from. */
import { useEffect, useRef } from 'preact/hooks'
import { PathText } from '../controls/path-text.js'
import type { Side } from './explain.js'
import { heatPixels } from './heat-colours.js'

export interface HeatImageProps {
  address: string | undefined
  title: string
  side: Side | null
  shown: boolean
  /** Interpolated between the places of the grid, or drawn as squares. */
  smooth: boolean
}

export function HeatImage({ address, title, side, shown, smooth }: HeatImageProps) {
  const canvas = useRef<HTMLCanvasElement>(null)
  // there is no canvas before the picture
  useEffect(() => {
    if (canvas.current !== null && side !== null) paint(canvas.current, side.grid)
  }, [side, address])
  const area = side?.area
  return (
    <figure class="heat">
      <div class="heat-frame">
        {address === undefined ? <p class="hint">There is no picture to show.</p> : <img src={address} alt={title} />}
        {area && address !== undefined && (
          <canvas
            ref={canvas}
            class={smooth ? 'heat-map' : 'heat-map heat-cells'}
            hidden={!shown}
            role="img"
            aria-label={`Where in ${title} the score comes from: ${strongestPlace(side.grid)}`}
            style={{
              left: `${area.x * 100}%`,
              top: `${area.y * 100}%`,
              width: `${area.width * 100}%`,
              height: `${area.height * 100}%`,
            }}
          />
        )}
      </div>
      <figcaption>
        <PathText path={title} />
        {side !== null && (
          <p class="hint">
            The map sums to {side.sum.toFixed(3)}.
            {side.from === 'thumbnail' &&
              ` It is made from the thumbnail, whose embedding is ${(side.likeness * 100).toFixed(1)} % like the stored one.`}
          </p>
        )}
      </figcaption>
    </figure>
  )
}

function paint(canvas: HTMLCanvasElement, grid: readonly (readonly number[])[]): void {
  canvas.height = grid.length
  canvas.width = grid[0]?.length ?? 0
  if (canvas.width === 0) return
  canvas.getContext('2d')!.putImageData(new ImageData(heatPixels(grid), canvas.width), 0, 0)
}

/** In words, for screen readers. */
function strongestPlace(grid: readonly (readonly number[])[]): string {
  let best = { value: -Infinity, row: 0, column: 0 }
  grid.forEach((values, row) =>
    values.forEach((value, column) => {
      if (value > best.value) best = { value, row, column }
    }),
  )
  const third = (at: number, count: number) => Math.min(2, Math.floor((3 * at) / Math.max(1, count)))
  const vertical = ['top', 'middle', 'bottom'][third(best.row, grid.length)]
  const horizontal = ['left', 'centre', 'right'][third(best.column, grid[0]?.length ?? 0)]
  return `most of it at the ${vertical} ${horizontal}`
}
