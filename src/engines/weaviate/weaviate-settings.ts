/** The location of the server, and defaults for its galleries. */
import type { Quantisation } from '../../gallery/engine.js'

/** How many replicas acknowledge a write and answer a read by id; a search is always answered by one. */
export const consistencies = ['one', 'quorum', 'all'] as const
export type Consistency = (typeof consistencies)[number]

export interface WeaviateSettings {
  /** REST interface: `http://host:8080`. */
  url: string
  /** gRPC interface: `host:50051`, encrypted if the REST interface is. */
  grpcAddress: string
  /** Empty: anonymous. */
  apiKey: string
  consistency: Consistency
  /** Timeout of a call. */
  timeoutMs: number
}

/** Storage of a new collection in the server. */
export interface CollectionLayout {
  /** Shards, on separate nodes if there are enough. */
  shards: number
  /** Copies of each shard. */
  replicas: number
  /** `rq8`: eight bits per dimension in the index; `none`: full vectors. Full vectors are always stored as well. */
  quantisation: Quantisation
}

export interface IndexTuning {
  /** Links per picture. */
  maxConnections: number
  efConstruction: number
  /** Candidates that a search keeps, or the requested number if that is higher; −1: the server decides. */
  ef: number
  /** Fewer pictures, in total or matching a filter, are compared one by one. */
  exactBelow: number
}

export const tuningDefaults: Readonly<IndexTuning> = Object.freeze({
  maxConnections: 32,
  efConstruction: 128,
  ef: -1,
  exactBelow: 4_000,
})
