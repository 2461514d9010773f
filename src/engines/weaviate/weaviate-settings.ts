/** Where the server is, and what galleries in it get when they do not say otherwise. */
import type { Quantisation } from '../../gallery/engine.js'

/** How many replicas answer for a write, and for a read by id; a search is answered by one, whatever is chosen. */
export const consistencies = ['one', 'quorum', 'all'] as const
export type Consistency = (typeof consistencies)[number]

export interface WeaviateSettings {
  /** Of the REST interface: `http://host:8080`. */
  url: string
  /** Of the gRPC interface: `host:50051`, encrypted as the REST interface is. */
  grpcAddress: string
  /** Empty: anonymous. */
  apiKey: string
  consistency: Consistency
  /** A call that takes longer is given up. */
  timeoutMs: number
}

/** How a new collection lies in the server. */
export interface CollectionLayout {
  /** Parts, on nodes of their own where there are as many. */
  shards: number
  /** Copies of each part. */
  replicas: number
  /** `rq8`: eight bits a dimension in the index; `none`: full vectors there, too. Full vectors are always stored. */
  quantisation: Quantisation
}

export interface IndexTuning {
  /** Links of a picture. */
  maxConnections: number
  efConstruction: number
  /** Candidates that a search keeps, or as many as it asks for if that is more; −1: the server chooses. */
  ef: number
  /** As many pictures as that, or as a filter leaves, are compared one by one. */
  exactBelow: number
}

export const tuningDefaults: Readonly<IndexTuning> = Object.freeze({
  maxConnections: 32,
  efConstruction: 128,
  ef: -1,
  exactBelow: 4_000,
})
