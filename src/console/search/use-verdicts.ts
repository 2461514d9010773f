/** The judgements given for one query's hits in this visit. */
import { signal } from '@preact/signals'
import { may } from '../api/caller.js'
import { sayFault } from '../controls/toasts.js'
import { judge, type Verdict } from './feedback.js'
import { canBeJudged, type SearchQuery, writeQuery } from './search-query.js'
import type { Hit } from './use-search.js'

export interface Verdicts {
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
  const keyOf = (id: string) => JSON.stringify([gallery, writeQuery(query).toString(), id])
  const give = (hit: Hit, pressed: Verdict) => {
    const key = keyOf(hit.id)
    const verdict = shown.peek().get(key) === pressed ? undefined : pressed
    const send = async () => {
      await judge(gallery, query, hit, verdict).then(() => stored.set(key, verdict), sayFault)
      if (calls.get(key) === call) show(key, stored.get(key))
    }
    show(key, verdict)
    const call = (calls.get(key) ?? Promise.resolve()).then(send)
    calls.set(key, call)
  }
  return {
    of: (id) => shown.value.get(keyOf(id)),
    give: canBeJudged(query) && may('write') ? give : undefined,
  }
}

function show(key: string, verdict: Verdict | undefined): void {
  shown.value = new Map([...shown.value, [key, verdict]])
}
