/** The set that answers a request from beginning to end, whichever set begins to serve the gallery meanwhile. */
import type { OpenSet } from './engine.js'
import type { SearchedSet } from './gallery-ranking.js'

export interface Serving {
  /** Uids of the galleries, see `joinedUids`. */
  galleries: string
  names: readonly string[]
  /** Uids of their sets. */
  setUids: readonly string[]
  modelId: string
  /** Of its embeddings. */
  dimension: number
  /** What is searched. */
  set: SearchedSet
  /** Of the first gallery: where examples are looked up. */
  examples: OpenSet
}
