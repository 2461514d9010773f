/** The findings of a work list decided in this visit; the service omits them from the next analysis. */
import { signal } from '@preact/signals'
import { sayFault } from '../controls/toasts.js'
import { removeUnlessUndone } from '../gallery/remove-unless-undone.js'
import { type Decision, decide } from './decide.js'

export interface Decisions {
  isDecided: (key: string) => boolean
  /** Sends it; if that fails, the finding is shown again. */
  decide: (key: string, decision: Decision) => void
  /** Removes all of a group but one, unless that is undone. */
  keepOne: (key: string, ids: readonly string[], keep: string) => void
  count: number
}

/** Keys by analysis; kept while other screens are shown. */
const decided = signal<ReadonlyMap<string, ReadonlySet<string>>>(new Map())
const none: ReadonlySet<string> = new Set()

/** @param job id of the analysis that found them */
export function useDecisions(gallery: string, job: string): Decisions {
  const keys = decided.value.get(job) ?? none
  return {
    isDecided: (key) => keys.has(key),
    count: keys.size,
    decide: (key, decision) => {
      mark(job, key, true)
      decide(gallery, decision).catch((error: unknown) => {
        mark(job, key, false)
        sayFault(error)
      })
    },
    keepOne: (key, ids, keep) => {
      mark(job, key, true)
      removeUnlessUndone({
        gallery,
        ids: new Set(ids.filter((id) => id !== keep)),
        remove: () => decide(gallery, { kind: 'copies', decision: 'keep-one', ids: [...ids], keep }),
        onKept: () => mark(job, key, false),
      })
    },
  }
}

function mark(job: string, key: string, isDecided: boolean): void {
  const keys = new Set(decided.value.get(job))
  if (isDecided) keys.add(key)
  else keys.delete(key)
  decided.value = new Map([...decided.value, [job, keys]])
}
