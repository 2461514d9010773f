/** Loads data for a component. */
import { useEffect, useState } from 'preact/hooks'

export interface Loaded<Value> {
  value: Value | undefined
  error: unknown
  loading: boolean
  reload: () => void
}

/** Reloads whenever one of `inputs` changes; outdated responses are dropped. */
export function useLoaded<Value>(
  load: (signal: AbortSignal) => Promise<Value>,
  inputs: readonly unknown[],
): Loaded<Value> {
  const [state, setState] = useState<{ value?: Value; error?: unknown; loading: boolean }>({ loading: true })
  const [round, setRound] = useState(0)
  useEffect(() => {
    const leaving = new AbortController()
    setState(({ value }) => ({ ...(value !== undefined && { value }), loading: true }))
    load(leaving.signal).then(
      (value) => leaving.signal.aborted || setState({ value, loading: false }),
      (error: unknown) => leaving.signal.aborted || setState({ error, loading: false }),
    )
    return () => leaving.abort()
  }, [...inputs, round])
  return { value: state.value, error: state.error, loading: state.loading, reload: () => setRound((one) => one + 1) }
}
