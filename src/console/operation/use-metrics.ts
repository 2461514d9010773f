/** Reads `/metrics` every two seconds while the page is looked at. */
import { useEffect, useState } from 'preact/hooks'
import { fetchFrom } from '../api/service.js'
import { type Reading, withReading } from './history.js'
import { readMetrics } from './metrics-text.js'

const everyMs = 2_000

export function useMetrics(): { history: Reading[]; error: unknown } {
  const [history, setHistory] = useState<Reading[]>([])
  const [error, setError] = useState<unknown>()
  useEffect(() => {
    const leaving = new AbortController()
    const read = async () => {
      if (document.hidden) return
      try {
        const text = await (await fetchFrom('metrics', { signal: leaving.signal })).text()
        setHistory((before) => withReading(before, { at: Date.now() / 1_000, metrics: readMetrics(text) }))
        setError(undefined)
      } catch (reason) {
        if (!leaving.signal.aborted) setError(reason)
      }
    }
    void read()
    const timer = setInterval(read, everyMs)
    return () => {
      clearInterval(timer)
      leaving.abort()
    }
  }, [])
  return { history, error }
}
