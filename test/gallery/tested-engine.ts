/** What an engine brings to be tested by the suites of this folder, which know of engines no more than the service does. */
import type { TestContext } from 'node:test'
import type { EmbeddingSet, Engine, OpenSet } from '../../src/gallery/engine.js'
import type { Galleries, GalleriesOptions } from '../../src/gallery/galleries.js'
import type { ServableModel } from '../../src/gallery/servable-models.js'

export interface TestedEngine {
  /** As galleries know it. */
  name: string
  /** Empty; where galleries can be opened again. Gone with the test. */
  newPlace(t: TestContext): Promise<string>
  /** Galleries of `model` of `stored-images.ts`, or of another one; closed with the test. */
  open(t: TestContext, place: string, options?: TestedOptions): Promise<Galleries>
  /** One empty set of it, without galleries around it. */
  openSet(t: TestContext): Promise<TestedSet>
  /** Of the first 300 hits of a kept ranking, those that a graph which has changed meanwhile may have lost sight of. */
  keptLossMax: number
  /** With how many queries, at most, the pages of a list are looked through; each page is a round trip where the engine is a server. */
  pagedQueriesMax: number
  /** Resolves when whatever the engine does in the background is done: graphs are built. */
  settled(galleries: Galleries): Promise<void>
}

export interface TestedOptions extends Partial<Pick<GalleriesOptions, 'pages' | 'onRankingDrop'>> {
  /** What is served. */
  model?: ServableModel
  /** The time that records carry. */
  clock?: (() => Date) | undefined
  /** An index that misses a lot, where the engine can make one: what answers must not show is then seen often. */
  poorIndex?: boolean | undefined
}

export interface TestedSet {
  engine: Engine
  set: EmbeddingSet
  opened: OpenSet
  settled(): Promise<void>
}
