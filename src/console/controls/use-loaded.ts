/** Loads data for a component. */
import { useEffect, useState } from 'preact/hooks'

export interface Loaded<Value> {
  /** The latest; while another one is loaded, the one before. */
  value: Value | undefined
  /** Undefined while another one is loaded. */
  current: Value | undefined
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
  const { value, error, loading } = state
  return { value, current: loading ? undefined : value, error, loading, reload: () => setRound((one) => one + 1) }
}
