/** Short messages at the edge of the page, some of which can be taken back. */
import { signal } from '@preact/signals'

interface Toast {
  number: number
  text: string
  action?: { name: string; run: () => void } | undefined
  /** It stays until it is released. */
  hold: () => void
  release: () => void
}

const toasts = signal<Toast[]>([])
const shownMs = 8_000
let count = 0

/** Gone after a while in which nobody points at it or has it in focus; `onGone` is told unless the action was taken. */
export function say(text: string, action?: Toast['action'], onGone?: () => void): void {
  const number = ++count
  let timer: ReturnType<typeof setTimeout>
  let taken = false
  const hold = () => clearTimeout(timer)
  const release = () => {
    hold()
    if (taken) return // the focus leaves with it
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
  toasts.value = [...toasts.value, { number, text, action: action && { name: action.name, run }, hold, release }]
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map(({ number, text, action, hold, release }) => (
        <div
          key={number}
          class="toast"
          onPointerEnter={hold}
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
