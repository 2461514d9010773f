/** What a button or a form does: one call at a time, so that a second press meanwhile is ignored. */
import { useRef, useState } from 'preact/hooks'

export interface Action {
  /** For `aria-disabled`: a button that is disabled would lose the focus. */
  busy: boolean
  /** Why the last call failed. */
  error: unknown
  /** Never rejects. */
  act: (call: () => Promise<unknown>) => Promise<void>
}

export function useAction(): Action {
  const [state, setState] = useState<{ busy: boolean; error?: unknown }>({ busy: false })
  /** `busy` is known to the next rendering only. */
  const isBusy = useRef(false)
  const act = async (call: () => Promise<unknown>) => {
    if (isBusy.current) return
    isBusy.current = true
    setState({ busy: true })
    try {
      await call()
      setState({ busy: false })
    } catch (error) {
      setState({ busy: false, error })
    }
    isBusy.current = false
  }
  return { busy: state.busy, error: state.error, act }
}

/** For a form whose fields the page reads itself. */
export function submitting(act: () => void): (event: Event) => void {
  return (event) => {
    event.preventDefault()
    act()
  }
}
