/** Reads `/metrics` every two seconds while the page is visible. */
import { useEffect, useState } from 'preact/hooks'
import { fetchFrom, ServiceError } from '../api/service.js'
import { type Reading, withReading } from './history.js'
import { readMetrics } from './metrics-text.js'

const everyMs = 2_000

export interface LiveMetrics {
  history: Reading[]
  error: unknown
  /** The metrics are on a separate port, so polling has stopped. */
  elsewhere: boolean
}

/** @param allowed whether the key may read them */
export function useMetrics(allowed: boolean): LiveMetrics {
  const [history, setHistory] = useState<Reading[]>([])
  const [elsewhere, setElsewhere] = useState(false)
  const [error, setError] = useState<unknown>()
  useEffect(() => {
    if (!allowed) return undefined
    const leaving = new AbortController()
    let reading = false
    const read = async () => {
      // on a slow network, readings would pile up and overtake each other
      if (document.hidden || reading) return
      reading = true
      try {
        const text = await (await fetchFrom('metrics', { signal: leaving.signal })).text()
        setHistory((before) => withReading(before, { at: Date.now() / 1_000, metrics: readMetrics(text) }))
        setError(undefined)
      } catch (reason) {
        if (leaving.signal.aborted) return
        if (!(reason instanceof ServiceError && reason.status === 404)) return setError(reason)
        clearInterval(timer)
        setElsewhere(true)
      } finally {
        reading = false
      }
    }
    const timer = setInterval(read, everyMs)
    void read()
    return () => {
      clearInterval(timer)
      leaving.abort()
    }
  }, [allowed])
  return { history, error, elsewhere }
}
