/** The map: dragged and zoomed with pointer, wheel or keys; a lasso selects the points inside it. */
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { LayoutPoint } from './layout.js'
import { paintMap } from './paint-map.js'
import { ThumbnailImages } from './thumbnail-images.js'
import { type Frame, isInside, type Point, panned, toMap, type View, wholeMap, zoomed } from './view.js'

export interface MapCanvasProps {
  gallery: string
  points: readonly LayoutPoint[]
  colourOf: (point: LayoutPoint) => string
  chosen: ReadonlySet<string>
  tool: 'move' | 'lasso'
  onChoose: (ids: string[]) => void
}

const panStep = 60
const zoomStep = 1.4

export function MapCanvas({ gallery, points, colourOf, chosen, tool, onChoose }: MapCanvasProps) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const [frame, setFrame] = useState<Frame>({ width: 600, height: 400 })
  const [view, setView] = useState<View>()
  const [lasso, setLasso] = useState<Point[]>([])
  const [, draw] = useState(0)
  const held = useRef<Point | null>(null)
  const images = useMemo(() => new ThumbnailImages(gallery, () => draw((one) => one + 1)), [gallery])
  useEffect(() => () => images.close(), [images])
  useFrame(canvas, setFrame)
  const seen = view ?? wholeMap(frame)

  useLayoutEffect(() => {
    const { width, height } = frame
    const element = canvas.current!
    element.width = width * devicePixelRatio
    element.height = height * devicePixelRatio
    const brush = element.getContext('2d')!
    brush.scale(devicePixelRatio, devicePixelRatio)
    const ink = getComputedStyle(element).color
    const thumbnailOf = (id: string) => images.of(id)
    const shown = paintMap(brush, { points, colourOf, chosen, view: seen, frame, lasso, thumbnailOf, ink })
    images.want(shown.map(({ id }) => id))
  })

  const pixelOf = (event: PointerEvent | WheelEvent): Point => ({ x: event.offsetX, y: event.offsetY })
  const move = (event: PointerEvent) => {
    if (held.current === null) return
    const pixel = pixelOf(event)
    if (tool === 'lasso') setLasso((before) => [...before, toMap(seen, frame, pixel)])
    else setView(panned(seen, { x: pixel.x - held.current.x, y: pixel.y - held.current.y }))
    held.current = pixel
  }
  const release = () => {
    held.current = null
    if (lasso.length > 2) onChoose(points.filter((point) => isInside(point, lasso)).map(({ id }) => id))
    setLasso([])
  }
  const press = ({ key }: KeyboardEvent) => {
    const middle = { x: frame.width / 2, y: frame.height / 2 }
    const next: Record<string, () => View> = {
      ArrowLeft: () => panned(seen, { x: panStep, y: 0 }),
      ArrowRight: () => panned(seen, { x: -panStep, y: 0 }),
      ArrowUp: () => panned(seen, { x: 0, y: panStep }),
      ArrowDown: () => panned(seen, { x: 0, y: -panStep }),
      '+': () => zoomed(seen, frame, middle, zoomStep),
      '-': () => zoomed(seen, frame, middle, 1 / zoomStep),
      0: () => wholeMap(frame),
    }
    if (next[key] !== undefined) setView(next[key]())
  }
  const wheel = (event: WheelEvent) => {
    event.preventDefault()
    setView(zoomed(seen, frame, pixelOf(event), Math.exp(-event.deltaY / 400)))
  }
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: keys move the map
    <div class="map-frame" tabIndex={0} role="application" aria-label={mapName(points)} onKeyDown={press}>
      <canvas
        ref={canvas}
        class={`map-canvas map-${tool}`}
        onPointerDown={(event) => {
          canvas.current!.setPointerCapture(event.pointerId)
          held.current = pixelOf(event)
        }}
        onPointerMove={move}
        onPointerUp={release}
        onPointerCancel={release}
        onWheel={wheel}
      />
    </div>
  )
}

function mapName(points: readonly LayoutPoint[]): string {
  return `Map of ${points.length} pictures. Arrow keys move it, plus and minus zoom, 0 shows all.`
}

function useFrame(canvas: { current: HTMLCanvasElement | null }, onFrame: (frame: Frame) => void): void {
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      const { width = 600, height = 400 } = entry?.contentRect ?? {}
      onFrame({ width, height })
    })
    observer.observe(canvas.current!.parentElement!)
    return () => observer.disconnect()
  }, [])
}
