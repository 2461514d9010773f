/** The findings of a work list decided in this visit; the service omits them from the next analysis. */
import { useState } from 'preact/hooks'
import { say } from '../controls/toasts.js'
import { removeUnlessUndone } from '../gallery/remove-unless-undone.js'
import { type Decision, decide } from './decide.js'

export interface Decisions {
  isDecided: (key: string) => boolean
  decide: (key: string, decision: Decision) => Promise<void>
  /** Removes all of a group but one, unless that is undone. */
  keepOne: (key: string, ids: readonly string[], keep: string) => void
  count: number
}

export function useDecisions(gallery: string): Decisions {
  const [decided, setDecided] = useState<ReadonlySet<string>>(new Set())
  return {
    isDecided: (key) => decided.has(key),
    count: decided.size,
    decide: async (key, decision) => {
      try {
        await decide(gallery, decision)
        setDecided((before) => new Set([...before, key]))
      } catch (error) {
        say(error instanceof Error ? error.message : String(error))
      }
    },
    keepOne: (key, ids, keep) => {
      setDecided((before) => new Set([...before, key]))
      removeUnlessUndone({
        gallery,
        ids: new Set(ids.filter((id) => id !== keep)),
        remove: () => decide(gallery, { kind: 'copies', decision: 'keep-one', ids: [...ids], keep }),
        onKept: () => setDecided((before) => new Set([...before].filter((one) => one !== key))),
      })
    },
  }
}
