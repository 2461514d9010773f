/** The map: dragged and zoomed with pointer, fingers, wheel or keys; a tap selects a point, a lasso those inside it. */
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import { isForBrowser } from '../controls/browser-keys.js'
import { keptSignal } from '../controls/kept.js'
import { shownTheme } from '../controls/theme.js'
import type { LayoutPoint } from './layout.js'
import type { Mark } from './map-marks.js'
import { paintMap, pointReach } from './paint-map.js'
import { ThumbnailImages } from './thumbnail-images.js'
import { pixelOf, useGestures } from './use-gestures.js'
import { type Frame, isInside, panned, pointAt, type View, wholeMap, zoomed } from './view.js'

export interface MapCanvasProps {
  gallery: string
  points: readonly LayoutPoint[]
  markOf: (point: LayoutPoint) => Mark
  chosen: ReadonlySet<string>
  tool: 'move' | 'lasso'
  onChoose: (ids: string[]) => void
}

const panStep = 60
const zoomStep = 1.4

export function MapCanvas({ gallery, points, markOf, chosen, tool, onChoose }: MapCanvasProps) {
  shownTheme.value // drawn again in the other theme's colours
  const canvas = useRef<HTMLCanvasElement>(null)
  const frame = useFrame(canvas)
  const view = keptSignal<View | undefined>(`view ${gallery}`, undefined)
  const images = useThumbnails(gallery)
  const seen = view.value ?? wholeMap(frame)
  const change = (next: (view: View) => View) => {
    view.value = next(view.value ?? wholeMap(frame))
  }
  const { lasso, down, move, up, cancel } = useGestures({
    canvas,
    tool,
    view: seen,
    frame,
    change,
    onTap: (pixel) => {
      const point = pointAt(points, seen, frame, pixel, pointReach(seen))
      if (point !== undefined) onChoose([point.id])
    },
    onLasso: (line) => onChoose(points.filter((point) => isInside(point, line)).map(({ id }) => id)),
  })

  usePainting(canvas, images, { points, markOf, chosen, view: seen, frame, lasso })

  const press = (event: KeyboardEvent) => {
    const next = afterKey(event.key, seen, frame)
    if (next === undefined || isForBrowser(event)) return
    event.preventDefault() // would scroll the page too
    view.value = next
  }
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: keys move the map
    <div class="map-frame" tabIndex={0} role="application" aria-label={mapName(points)} onKeyDown={press}>
      <canvas
        ref={canvas}
        class={`map-canvas map-${tool}`}
        onPointerDown={down}
        onPointerMove={move}
        onPointerUp={up}
        onPointerCancel={cancel}
        onWheel={(event) => {
          event.preventDefault()
          change((one) => zoomed(one, frame, pixelOf(event), Math.exp(-event.deltaY / 400)))
        }}
      />
      <ZoomButtons
        onKey={(key) => {
          view.value = afterKey(key, seen, frame)
        }}
      />
    </div>
  )
}

/** For those who have neither wheel nor keys; each does what its key does. */
function ZoomButtons({ onKey }: { onKey: (key: string) => void }) {
  const buttons = [
    { key: '+', sign: '+', name: 'Zoom in' },
    { key: '-', sign: '−', name: 'Zoom out' },
    { key: '0', sign: 'All', name: 'Show all' },
  ]
  return (
    <div class="map-zoom">
      {buttons.map(({ key, sign, name }) => (
        <button key={key} type="button" aria-label={name} onClick={() => onKey(key)}>
          {sign}
        </button>
      ))}
    </div>
  )
}

function afterKey(key: string, view: View, frame: Frame): View | undefined {
  const middle = { x: frame.width / 2, y: frame.height / 2 }
  const next: Record<string, () => View> = {
    ArrowLeft: () => panned(view, { x: panStep, y: 0 }),
    ArrowRight: () => panned(view, { x: -panStep, y: 0 }),
    ArrowUp: () => panned(view, { x: 0, y: panStep }),
    ArrowDown: () => panned(view, { x: 0, y: -panStep }),
    '+': () => zoomed(view, frame, middle, zoomStep),
    '-': () => zoomed(view, frame, middle, 1 / zoomStep),
    0: () => wholeMap(frame),
  }
  return next[key]?.()
}

type Painted = Omit<Parameters<typeof paintMap>[1], 'thumbnailOf' | 'colourOf'>

function usePainting(canvas: Canvas, images: ThumbnailImages, painted: Painted): void {
  useLayoutEffect(() => {
    const brush = preparedCanvas(canvas.current!, painted.frame)
    const colourOf = (name: string) => colourNow(canvas.current!, name)
    const shown = paintMap(brush, { ...painted, thumbnailOf: (id) => images.of(id), colourOf })
    images.want(shown.map(({ id }) => id))
  })
}

/** Sized in pixels of the screen; painting is in those of the page. */
function preparedCanvas(canvas: HTMLCanvasElement, { width, height }: Frame) {
  canvas.width = width * devicePixelRatio
  canvas.height = height * devicePixelRatio
  const brush = canvas.getContext('2d')!
  brush.scale(devicePixelRatio, devicePixelRatio)
  return brush
}

/** A canvas takes no variables of the style. */
function colourNow(canvas: HTMLCanvasElement, name: string): string {
  canvas.style.color = `var(--${name})`
  return getComputedStyle(canvas).color
}

/** The map is drawn again whenever one of them has arrived. */
function useThumbnails(gallery: string): ThumbnailImages {
  const [, draw] = useState(0)
  const images = useMemo(() => new ThumbnailImages(gallery, () => draw((one) => one + 1)), [gallery])
  useEffect(() => () => images.close(), [images])
  return images
}

function mapName(points: readonly LayoutPoint[]): string {
  return `Map of ${points.length} pictures. Arrow keys move it, plus and minus zoom, 0 shows all.`
}

type Canvas = { current: HTMLCanvasElement | null }

function useFrame(canvas: Canvas): Frame {
  const [frame, setFrame] = useState<Frame>({ width: 600, height: 400 })
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      const { width = 600, height = 400 } = entry?.contentRect ?? {}
      setFrame({ width, height })
    })
    observer.observe(canvas.current!.parentElement!)
    return () => observer.disconnect()
  }, [])
  return frame
}
