/** What this session's key may do: what would only be refused is not offered. */
import { useEffect, useState } from 'preact/hooks'
import { apiKey } from './key.js'
import { answerOf, type Schemas, service } from './service.js'

type Caller = Schemas['Caller']
export type Verb = Caller['verbs'][number]

/** With the latest key; asked once for each. */
let asked: { key: string; answer: Promise<Caller | undefined> } | undefined

/** Whether the key has the verb; undefined until known. If the service does not say, the action itself will tell. */
export function useMay(verb: Verb): boolean | undefined {
  const [may, setMay] = useState<boolean>()
  const key = apiKey.value
  useEffect(() => {
    let current = true
    setMay(undefined)
    void callerWith(key).then((caller) => current && setMay(caller?.verbs.includes(verb) ?? true))
    return () => {
      current = false
    }
  }, [verb, key])
  return may
}

function callerWith(key: string): Promise<Caller | undefined> {
  if (asked?.key !== key) asked = { key, answer: askService() }
  return asked.answer
}

async function askService(): Promise<Caller | undefined> {
  try {
    return await answerOf(service.GET('/v1/caller'))
  } catch {
    asked = undefined
    return undefined
  }
}
