/**
 * Ranges selected by a finger, as in photo apps: a picture that is held begins one, the finger draws it over others, and
 * the wall scrolls while the finger is near its edge. A finger that moves at once scrolls as usual.
 */
import type { RefObject } from 'preact'
import { useEffect, useRef } from 'preact/hooks'

export interface TouchRangeOptions {
  frame: RefObject<HTMLElement | null>
  onHold: (place: number) => void
  /** The finger is over another picture. */
  onReach: (place: number) => void
}

const holdMs = 450
/** A finger is never quite still. */
const stillPixels = 10
/** From the edge inwards, in pixels. */
const edgeSize = 56
/** In pixels per frame of the screen, at the edge. */
const edgeSpeed = 14

interface Finger {
  x: number
  y: number
}

export function useTouchRange(options: TouchRangeOptions): void {
  const latest = useRef(options)
  latest.current = options
  useEffect(() => {
    const frame = options.frame.current!
    let end = () => {}
    const begin = (event: TouchEvent) => {
      end()
      const [touch, other] = event.touches
      // two fingers zoom
      if (touch !== undefined && other === undefined) end = followFinger(frame, event, latest)
    }
    // not passive: the browser is to wait for what becomes of the touch before it scrolls
    frame.addEventListener('touchstart', begin, { passive: false })
    return () => {
      end()
      frame.removeEventListener('touchstart', begin)
    }
  }, [])
}

function followFinger(frame: HTMLElement, { target, touches }: TouchEvent, latest: RefObject<TouchRangeOptions>) {
  const first = pointOf(touches[0]!)
  let finger = first
  let hasMoved = false
  let held: number | undefined
  let drawing = 0
  const waiting = setTimeout(() => {
    held = placeUnder(frame, finger)
    if (held === undefined) return
    frame.dataset['drawing'] = ''
    latest.current?.onHold(held)
    drawing = requestAnimationFrame(draw)
  }, holdMs)

  const draw = () => {
    if (hasMoved) frame.scrollTop += scrollAt(frame, finger)
    const place = placeUnder(frame, finger)
    if (place !== undefined && place !== held) {
      held = place
      latest.current?.onReach(place)
    }
    drawing = requestAnimationFrame(draw)
  }
  const move = (event: TouchEvent) => {
    finger = pointOf(event.touches[0]!)
    hasMoved ||= Math.hypot(finger.x - first.x, finger.y - first.y) > stillPixels
    if (held !== undefined)
      event.preventDefault() // would scroll
    else if (hasMoved) end()
  }
  const lift = (event: TouchEvent) => {
    if (held !== undefined && event.cancelable) event.preventDefault() // would click
    end()
  }
  const end = () => {
    clearTimeout(waiting)
    cancelAnimationFrame(drawing)
    delete frame.dataset['drawing']
    for (const [type, listener] of listeners) target!.removeEventListener(type, listener)
  }
  const listeners = [
    ['touchmove', move],
    ['touchend', lift],
    ['touchcancel', end],
    ['contextmenu', (event: Event) => event.preventDefault()],
  ] as [string, EventListener][]
  // on what was touched: it still receives them when the wall has scrolled it off the page
  for (const [type, listener] of listeners) target!.addEventListener(type, listener, { passive: false })
  return end
}

function pointOf({ clientX, clientY }: Touch): Finger {
  return { x: clientX, y: clientY }
}

/** How far to scroll, in pixels; faster the nearer the edge. */
function scrollAt(frame: HTMLElement, { y }: Finger): number {
  const { top, bottom } = inSight(frame)
  const beyond = y < top + edgeSize ? y - top - edgeSize : Math.max(0, y - bottom + edgeSize)
  return Math.round((edgeSpeed * Math.max(-edgeSize, Math.min(edgeSize, beyond))) / edgeSize)
}

/** The place of the picture under the finger, or under the point of the wall that is nearest to it. */
function placeUnder(frame: HTMLElement, { x, y }: Finger): number | undefined {
  const { left, right, top, bottom } = inSight(frame)
  const within = (value: number, low: number, high: number) => Math.max(low + 1, Math.min(high - 1, value))
  // what is selected may be told of above the wall
  const under = document.elementsFromPoint(within(x, left, right), within(y, top, bottom))
  const tile = under.find((one) => one.matches('[role=option]') && frame.contains(one))
  return tile === undefined ? undefined : Number(tile.id.replace('tile-', ''))
}

/** The part of the wall that the window shows. */
function inSight(frame: HTMLElement) {
  const { left, right, top, bottom } = frame.getBoundingClientRect()
  return { left, right, top: Math.max(0, top), bottom: Math.min(innerHeight, bottom) }
}
