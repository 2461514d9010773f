/**
 * What an engine must provide to be tested by the suites in this folder, which know no more of engines than the service
 * does.
 */
import type { TestContext } from 'node:test'
import type { EmbeddingSet, Engine, OpenSet } from '../../src/gallery/engine.js'
import type { Galleries, GalleriesOptions } from '../../src/gallery/galleries.js'
import type { ServableModel, ServableModels } from '../../src/gallery/servable-models.js'
import type { JobStore } from '../../src/jobs/job-store.js'

export interface TestedEngine {
  /** As known to galleries. */
  name: string
  /** Empty; galleries can be reopened there. Removed with the test. */
  newPlace(t: TestContext): Promise<string>
  /** Galleries for `model` of `stored-images.ts`, or another one; closed with the test. */
  open(t: TestContext, place: string, options?: TestedOptions): Promise<Galleries>
  /**
   * A place as it would be found after a kill of this process at this moment; removed with the test. Undefined: the engine is
   * in a process of its own.
   */
  placeAfterKill?: ((t: TestContext, place: string) => Promise<string>) | undefined
  /** One empty set, without galleries around it. */
  openSet(t: TestContext): Promise<TestedSet>
  /** Judgements of a picture that was removed or replaced are returned again once the same picture is back. */
  keepsJudgements: boolean
  /** A read may not find an image while it is being replaced. */
  losesReplaced: boolean
  /** Number of the first 300 hits of a kept ranking that a graph changed in the meantime may lose. */
  keptLossMax: number
  /** Maximum number of queries for tests that page through lists or compare long ones: slow if the engine is a server. */
  pagedQueriesMax: number
  /** Resolves when the engine's background work is done, such as building graphs. */
  settled(galleries: Galleries): Promise<void>
  /** Where the jobs of opened galleries are stored. */
  jobsOf(galleries: Galleries): JobStore
}

export interface TestedOptions extends Partial<Pick<GalleriesOptions, 'pages' | 'onRankingDrop'>> {
  /** The serving model. */
  model?: ServableModel
  /** Default: only that one. */
  models?: ServableModels | undefined
  /** The time written to records. */
  clock?: (() => Date) | undefined
  /** An index with low recall, if the engine supports it: makes violations of the guarantees visible. */
  poorIndex?: boolean | undefined
}

export interface TestedSet {
  engine: Engine
  set: EmbeddingSet
  opened: OpenSet
  settled(): Promise<void>
}
