/** Reads again and again while the page is shown. */
import { useEffect, useRef, useState } from 'preact/hooks'

const everyMs = 2_000

export interface Polling {
  /** False ends it. */
  wanted?: boolean
  /** Begins anew whenever one of them changes. */
  inputs: readonly unknown[]
}

/**
 * At once, then every two seconds; one reading after the other: on a slow network they would pile up and overtake each
 * other.
 * @returns why the latest reading failed
 */
export function usePolled(read: (signal: AbortSignal) => Promise<void>, { wanted = true, inputs }: Polling): unknown {
  const [error, setError] = useState<unknown>()
  const latest = useRef(read)
  latest.current = read
  useEffect(() => {
    if (!wanted) return undefined
    const leaving = new AbortController()
    let isReading = false
    const readNext = async () => {
      if (document.hidden || isReading) return
      isReading = true
      const [failed] = await Promise.allSettled([latest.current(leaving.signal)])
      isReading = false
      if (!leaving.signal.aborted) setError(failed.status === 'rejected' ? failed.reason : undefined)
    }
    void readNext()
    const timer = setInterval(readNext, everyMs)
    document.addEventListener('visibilitychange', readNext)
    return () => {
      clearInterval(timer)
      document.removeEventListener('visibilitychange', readNext)
      leaving.abort()
    }
  }, [wanted, ...inputs])
  return error
}
