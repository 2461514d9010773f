/** Short messages at the edge of the page, some of which can be taken back. */
import { signal } from '@preact/signals'

interface Toast {
  number: number
  text: string
  action?: { name: string; run: () => void } | undefined
}

const toasts = signal<Toast[]>([])
const shownMs = 8_000
let count = 0

/** Gone after a while; `onGone` is told unless the action was taken. */
export function say(text: string, action?: Toast['action'], onGone?: () => void): void {
  const number = ++count
  const timer = setTimeout(() => {
    close(number)
    onGone?.()
  }, shownMs)
  const run = () => {
    clearTimeout(timer)
    close(number)
    action?.run()
  }
  toasts.value = [...toasts.value, { number, text, action: action && { name: action.name, run } }]
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map(({ number, text, action }) => (
        <div key={number} class="toast">
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
