/** Reads `/metrics` every two seconds while the page is visible. */
import { useState } from 'preact/hooks'
import { fetchFrom } from '../api/service.js'
import { ServiceError } from '../api/service-error.js'
import { usePolled } from '../controls/use-polled.js'
import { type Reading, withReading } from './history.js'
import { readMetrics } from './metrics-text.js'

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
  const read = async (signal: AbortSignal) => {
    try {
      const text = await (await fetchFrom('metrics', { signal })).text()
      setHistory((before) => withReading(before, { at: Date.now() / 1_000, metrics: readMetrics(text) }))
    } catch (error) {
      if (!(error instanceof ServiceError && error.status === 404)) throw error
      setElsewhere(true)
    }
  }
  const error = usePolled(read, { wanted: allowed && !elsewhere, inputs: [] })
  return { history, error, elsewhere }
}
