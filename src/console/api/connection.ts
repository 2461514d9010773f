/** Whether the service can be reached. While it cannot, it is asked again and again, and calls that only read wait. */
import { signal } from '@preact/signals'

const firstPauseMs = 1_000
const pauseMaxMs = 30_000

export const lostText = 'The service cannot be reached: is it running, and are you connected to its network?'

/** From a call that did not reach the service until one does. */
export const isLost = signal(false)

let back: Promise<void> | undefined
let askAtOnce = () => {}

/** Tells that a call did not reach the service. Resolves once it can be reached again. */
export function untilBack(): Promise<void> {
  isLost.value = true
  back ??= untilAnswered().then(() => {
    back = undefined
    isLost.value = false
  })
  return back
}

/** Without waiting for the end of the pause. */
export function askNow(): void {
  askAtOnce()
}

/** Whether a proxy answered in place of the service, which explains each of its own refusals. */
export function isFromProxy({ status, headers }: Response): boolean {
  return (
    [502, 503, 504].includes(status) && headers.get('content-type')?.startsWith('application/problem+json') !== true
  )
}

export async function isAnswering(): Promise<boolean> {
  const answer = await fetch(new URL('v1', document.baseURI), { cache: 'no-store' }).catch(() => undefined)
  return answer !== undefined && !isFromProxy(answer)
}

/** Each pause is twice as long as the one before. */
async function untilAnswered(): Promise<void> {
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMaxMs, 2 * pauseMs)) {
    await pauseOrReason(pauseMs)
    if (await isAnswering()) return
  }
}

/** Ends early when there is reason to hope, and lasts while nobody looks at the page. */
function pauseOrReason(pauseMs: number): Promise<void> {
  return new Promise((resolve) => {
    const over = new AbortController()
    const { signal } = over
    const end = () => {
      if (document.hidden) return
      over.abort()
      clearTimeout(timer)
      resolve()
    }
    const timer = setTimeout(end, pauseMs)
    addEventListener('online', end, { signal })
    document.addEventListener('visibilitychange', end, { signal })
    askAtOnce = end
  })
}
