/** Whether this session's key has the verb `admin`. The service does not tell what a key may do, only what it may not. */
import { useEffect, useState } from 'preact/hooks'
import { apiKey } from './key.js'
import { service } from './service.js'

/** Of the latest key; asked once for each. */
let asked: { key: string; answer: Promise<boolean> } | undefined

/** Undefined until known; asks only if `wanted`. */
export function useMayAdminister(wanted: boolean): boolean | undefined {
  const [may, setMay] = useState<boolean>()
  const key = apiKey.value
  useEffect(() => {
    if (!wanted) return undefined
    let current = true
    setMay(undefined)
    void mayAdminister(key).then((answer) => current && setMay(answer))
    return () => {
      current = false
    }
  }, [wanted, key])
  return may
}

function mayAdminister(key: string): Promise<boolean> {
  // an open service grants everything; one that is not asks for a key
  if (key === '') return Promise.resolve(true)
  if (asked?.key !== key) asked = { key, answer: askService() }
  return asked.answer
}

/** Calls a route that only this verb allows. If there is no answer, the action itself will tell. */
async function askService(): Promise<boolean> {
  try {
    // of keys restricted to galleries it refuses this very route, with another code, once they have the verb
    const { error } = await service.GET('/v1/snapshots')
    return error?.code !== 'forbidden'
  } catch {
    asked = undefined
    return true
  }
}
