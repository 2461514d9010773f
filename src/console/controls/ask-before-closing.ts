/** Lets the browser ask before it closes the page while that would lose something. */
import { effect } from '@preact/signals'

/** @param isLosing reads signals */
export function askBeforeClosing(isLosing: () => boolean): void {
  effect(() => {
    if (!isLosing()) return undefined
    const ask = (event: Event) => event.preventDefault()
    addEventListener('beforeunload', ask)
    return () => removeEventListener('beforeunload', ask)
  })
}
