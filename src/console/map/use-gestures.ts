/** Pointers on the map: one moves it or draws the lasso, two fingers move and zoom it, and a tap picks a picture. */
import type { RefObject } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { type Frame, type Point, panned, pinched, toMap, type View, zoomed } from './view.js'

export interface GestureOptions {
  canvas: RefObject<HTMLElement | null>
  tool: 'move' | 'lasso'
  view: View
  frame: Frame
  /** Several changes may come between two frames of the screen, so each continues from the latest. */
  change: (next: (view: View) => View) => void
  onTap: (pixel: Point) => void
  /** Receives the closed line, in map coordinates. */
  onLasso: (line: readonly Point[]) => void
}

export interface Gestures {
  /** The line drawn so far, in map coordinates. */
  lasso: readonly Point[]
  down: (event: PointerEvent) => void
  move: (event: PointerEvent) => void
  up: (event: PointerEvent) => void
  cancel: (event: PointerEvent) => void
}

type Doing = 'nothing' | 'tap' | 'move' | 'lasso'
/** A finger is never quite still. */
const tapMaxPixels = 6

export function useGestures({ canvas, tool, view, frame, change, onTap, onLasso }: GestureOptions): Gestures {
  const [lasso, setLasso] = useState<readonly Point[]>([])
  const held = useRef(new Map<number, Point>())
  const doing = useRef<Doing>('nothing')
  const pressed = useRef<Point>({ x: 0, y: 0 })

  const down = (event: PointerEvent) => {
    ;(event.currentTarget as Element).setPointerCapture(event.pointerId)
    const pixel = pixelOf(event)
    held.current.set(event.pointerId, pixel)
    pressed.current = pixel
    setLasso([])
    // a second finger ends the tap or the lasso of the first
    if (held.current.size > 1) doing.current = 'move'
    else doing.current = tool === 'lasso' ? 'lasso' : 'tap'
  }
  const move = (event: PointerEvent) => {
    const before = held.current.get(event.pointerId)
    if (before === undefined) return
    const now = pixelOf(event)
    if (doing.current === 'tap' && distance(now, pressed.current) <= tapMaxPixels) return
    if (doing.current === 'tap') doing.current = 'move'
    held.current.set(event.pointerId, now)
    const [, other] = [...held.current].find(([id]) => id !== event.pointerId) ?? []
    if (doing.current === 'lasso') setLasso((line) => [...line, toMap(view, frame, now)])
    else if (other !== undefined) change((one) => pinched(one, frame, [before, other], [now, other]))
    else change((one) => panned(one, { x: now.x - before.x, y: now.y - before.y }))
  }
  const cancel = ({ pointerId }: PointerEvent) => {
    held.current.delete(pointerId)
    if (held.current.size === 0) doing.current = 'nothing'
    setLasso([])
  }
  const up = (event: PointerEvent) => {
    if (doing.current === 'tap') onTap(pressed.current)
    if (doing.current === 'lasso' && lasso.length > 2) onLasso(lasso)
    cancel(event)
  }
  usePinchedTrackpad(canvas, (pixel, factor) => {
    // on a touch screen they are pointers too
    if (held.current.size === 0) change((one) => zoomed(one, frame, pixel, factor))
  })
  return { lasso, down, move, up, cancel }
}

/** Of Safari, which is the only browser that has them. */
interface GestureEvent extends UIEvent {
  clientX: number
  clientY: number
  /** Since the fingers were put down. */
  scale: number
}

/**
 * Two fingers on a trackpad, which Safari reports as gestures, and other browsers as a wheel.
 * @param zoom receives the place of the pointer and the factor since the last call
 */
function usePinchedTrackpad(canvas: RefObject<HTMLElement | null>, zoom: (pixel: Point, factor: number) => void): void {
  const latest = useRef(zoom)
  latest.current = zoom
  useEffect(() => {
    const element = canvas.current!
    let before = 1
    const pinch = (event: Event) => {
      event.preventDefault() // would zoom the page
      const { type, clientX, clientY, scale } = event as GestureEvent
      const { left, top } = element.getBoundingClientRect()
      if (type === 'gesturechange') latest.current({ x: clientX - left, y: clientY - top }, scale / before)
      before = scale
    }
    const types = ['gesturestart', 'gesturechange'] as const
    for (const type of types) element.addEventListener(type, pinch)
    return () => {
      for (const type of types) element.removeEventListener(type, pinch)
    }
  }, [])
}

export function pixelOf({ offsetX, offsetY }: MouseEvent): Point {
  return { x: offsetX, y: offsetY }
}

function distance(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y)
}
