/** Pointers on the map: one moves it or draws the lasso, two fingers move and zoom it, and a tap picks a picture. */
import { useRef, useState } from 'preact/hooks'
import { type Frame, type Point, panned, pinched, toMap, type View } from './view.js'

export interface GestureOptions {
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

export function useGestures({ tool, view, frame, change, onTap, onLasso }: GestureOptions): Gestures {
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
  return { lasso, down, move, up, cancel }
}

export function pixelOf({ offsetX, offsetY }: MouseEvent): Point {
  return { x: offsetX, y: offsetY }
}

function distance(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y)
}
