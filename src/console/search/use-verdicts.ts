/** The judgements given for one query's hits in this visit. */
import { useState } from 'preact/hooks'
import { may } from '../api/caller.js'
import { say } from '../controls/toasts.js'
import { judge, type Verdict } from './feedback.js'
import { canBeJudged, type SearchQuery, writeQuery } from './search-query.js'
import type { Hit } from './use-search.js'

export interface Verdicts {
  of: (id: string) => Verdict | undefined
  /** Undefined if the query cannot be judged, or the key may not. */
  give: ((hit: Hit, verdict: Verdict) => void) | undefined
}

export function useVerdicts(gallery: string, query: SearchQuery): Verdicts {
  const [given, setGiven] = useState<ReadonlyMap<string, Verdict>>(new Map())
  const keyOf = (id: string) => `${writeQuery(query).toString()} ${id}`
  const give = async (hit: Hit, verdict: Verdict) => {
    try {
      await judge(gallery, query, hit, verdict)
      setGiven((before) => new Map([...before, [keyOf(hit.id), verdict]]))
    } catch (error) {
      say(error instanceof Error ? error.message : String(error))
    }
  }
  return {
    of: (id) => given.get(keyOf(id)),
    give: canBeJudged(query) && may('write') ? (hit, verdict) => void give(hit, verdict) : undefined,
  }
}
