/** Short messages at the edge of the page, some of which can be undone. */
import { signal } from '@preact/signals'
import { useEffect, useState } from 'preact/hooks'

interface Toast {
  number: number
  text: string
  isFault: boolean
  action?: { name: string; run: () => void } | undefined
  /** Keeps it until it is released. */
  hold: () => void
  release: () => void
}

const toasts = signal<Toast[]>([])
const shownMs = 8_000
let count = 0

/** Disappears after some time without hover or focus; `onGone` is called unless the action was used. */
export function say(text: string, action?: Toast['action'], onGone?: () => void): void {
  const number = ++count
  let timer: ReturnType<typeof setTimeout>
  let taken = false
  const hold = () => clearTimeout(timer)
  const release = () => {
    hold()
    if (taken) return // removal also takes the focus away
    timer = setTimeout(() => {
      close(number)
      onGone?.()
    }, shownMs)
  }
  const run = () => {
    taken = true
    hold()
    close(number)
    action?.run()
  }
  release()
  const shown = { number, text, isFault: false, action: action && { name: action.name, run }, hold, release }
  toasts.value = [...toasts.value, shown]
}

/** Tells why something failed, until that is closed. */
export function sayFault(error: unknown): void {
  const number = ++count
  const text = error instanceof Error ? error.message : String(error)
  const others = toasts.value.filter((one) => !(one.isFault && one.text === text))
  const action = { name: 'Close', run: () => close(number) }
  toasts.value = [...others, { number, text, isFault: true, action, hold: () => {}, release: () => {} }]
}

/** Where toasts can be shown, the innermost last. Everything outside an open dialog can be neither clicked nor read. */
const places = signal<readonly symbol[]>([])

/** Shows the toasts unless a place inside it, of a dialog, does. */
export function Toasts() {
  const [place] = useState(Symbol)
  useEffect(() => {
    places.value = [...places.value, place]
    return () => {
      places.value = places.value.filter((one) => one !== place)
      // the elements that held them are gone, with pointer and focus
      for (const { release } of toasts.value) release()
    }
  }, [place])
  const shown = places.value.at(-1) === place ? toasts.value : []
  return (
    <div class="toasts" role="status" aria-live="polite">
      {shown.map(({ number, text, isFault, action, hold, release }) => (
        <div
          key={number}
          class={isFault ? 'toast toast-fault' : 'toast'}
          // not when it appears under a pointer at rest
          onPointerMove={hold}
          onPointerLeave={release}
          onFocusIn={hold}
          onFocusOut={release}
        >
          <span>{text}</span>
          {action && (
            <button type="button" onClick={action.run}>
              {action.name}
            </button>
          )}
        </div>
      ))}
    </div>
  )
}

function close(number: number): void {
  toasts.value = toasts.value.filter((one) => one.number !== number)
}
