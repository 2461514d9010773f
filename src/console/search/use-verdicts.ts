/** The caller's judgements of one query's hits: stored before, and given in this visit. */
import { signal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { may } from '../api/caller.js'
import { sayFault } from '../controls/toasts.js'
import { judge, type Verdict, verdictsOf } from './feedback.js'
import { canBeJudged, type SearchQuery } from './search-query.js'
import type { Hit } from './use-search.js'

export interface Verdicts {
  /** Another one whenever a verdict has changed. */
  state: unknown
  of: (id: string) => Verdict | undefined
  /** The one that was given is withdrawn. Undefined if the query cannot be judged, or the key may not. */
  give: ((hit: Hit, verdict: Verdict) => void) | undefined
}

/** By gallery, query and hit; kept while other screens are shown. */
const shown = signal<ReadonlyMap<string, Verdict | undefined>>(new Map())
const stored = new Map<string, Verdict | undefined>()
/** The latest call for each hit: of two at once the service might take the later one first. */
const calls = new Map<string, Promise<void>>()

export function useVerdicts(gallery: string, query: SearchQuery): Verdicts {
  const { imageId, picture, url } = query
  const keyOf = (id: string) => JSON.stringify([gallery, imageId, picture, url, id])
  const isJudged = canBeJudged(query)
  useEffect(() => {
    if (!isJudged || !may('read')) return
    const leaving = new AbortController()
    readVerdicts(gallery, query, { keyOf, signal: leaving.signal }).catch(
      (error: unknown) => leaving.signal.aborted || sayFault(error),
    )
    return () => leaving.abort()
  }, [keyOf(''), isJudged])
  const give = (hit: Hit, pressed: Verdict) => {
    const key = keyOf(hit.id)
    const verdict = shown.peek().get(key) === pressed ? undefined : pressed
    const send = async () => {
      await judge(gallery, query, hit, verdict).then(() => stored.set(key, verdict), sayFault)
      if (calls.get(key) === call) show([[key, stored.get(key)]])
    }
    show([[key, verdict]])
    const call = (calls.get(key) ?? Promise.resolve()).then(send)
    calls.set(key, call)
  }
  return {
    state: shown.value,
    of: (id) => (isJudged ? shown.value.get(keyOf(id)) : undefined),
    give: isJudged && may('write') ? give : undefined,
  }
}

/** Shows what is stored, but for hits judged meanwhile. @throws ServiceError */
async function readVerdicts(
  gallery: string,
  query: SearchQuery,
  { keyOf, signal }: { keyOf: (id: string) => string; signal: AbortSignal },
): Promise<void> {
  await Promise.all(calls.values())
  const callsBefore = new Map(calls)
  const found = await verdictsOf(gallery, query, signal)
  const read = new Map([...found].map(([id, verdict]) => [keyOf(id), verdict]))
  const unchanged = [...read].filter(([key]) => calls.get(key) === callsBefore.get(key))
  for (const [key, verdict] of unchanged) stored.set(key, verdict)
  show(unchanged)
}

function show(verdicts: Iterable<[string, Verdict | undefined]>): void {
  shown.value = new Map([...shown.value, ...verdicts])
}
