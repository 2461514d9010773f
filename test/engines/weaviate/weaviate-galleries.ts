/** Galleries in a Weaviate server, opened as in `service/storage.ts`, with their catalogue in a local data folder. */
import type { TestContext } from 'node:test'
import { pino } from 'pino'
import { type EmbeddedEngine, openEmbedded } from '../../../src/engines/embedded/embedded-engine.js'
import {
  openWeaviate,
  type WeaviateEngine,
  type WeaviateOptions,
} from '../../../src/engines/weaviate/weaviate-engine.js'
import type { Catalogue } from '../../../src/gallery/catalogue.js'
import { type Galleries, type GalleriesOptions, openGalleries } from '../../../src/gallery/galleries.js'
import { isKept } from '../../../src/gallery/prepared-sets.js'
import type { ServableModel, ServableModels } from '../../../src/gallery/servable-models.js'
import type { JobStore } from '../../../src/jobs/job-store.js'
import { onlyModel } from '../../gallery/only-model.js'
import { model } from '../../gallery/stored-images.js'
import type { RunningWeaviate } from '../../support/weaviate-server.js'

export const layout = { shards: 1, replicas: 1, quantisation: 'rq8' } as const

export interface WeaviateGalleriesOptions
  extends Partial<Pick<GalleriesOptions, 'pages' | 'onRankingDrop'>>,
    Pick<WeaviateOptions, 'server' | 'tuning' | 'clock' | 'removalPauseMs'> {
  dataDir: string
  model?: ServableModel
  /** Default: only that one. */
  models?: ServableModels | undefined
}

const engines = new WeakMap<Galleries, WeaviateEngine>()
const local = new WeakMap<Galleries, EmbeddedEngine>()
const logger = pino({ level: 'silent' })

/** Closed with the test. */
export async function openWeaviateGalleries(t: TestContext, options: WeaviateGalleriesOptions): Promise<Galleries> {
  const { dataDir, clock, pages, onRankingDrop, models = onlyModel(options.model ?? model) } = options
  const embedded = await openEmbedded({ dataDir, clock, logger })
  const weaviate = await openWeaviate({
    layout,
    logger,
    isKept: (set) => isKept(set, embedded.catalogue),
    ...options,
  })
  const galleries = await openGalleries({
    catalogue: embedded.catalogue,
    engines: { weaviate, embedded },
    engineOfNew: 'weaviate',
    progress: { committedBy: ['embedded'], advance: (progress, stored) => embedded.jobs.advance(progress, stored) },
    feedback: embedded.feedback,
    decisions: embedded.decisions,
    layouts: embedded.layouts,
    models,
    pages,
    onRankingDrop,
  })
  t.after(() => galleries.close())
  engines.set(galleries, weaviate)
  local.set(galleries, embedded)
  return galleries
}

/** Their engine. */
export function engineOf(galleries: Galleries): WeaviateEngine {
  return engines.get(galleries)!
}

export function catalogueOf(galleries: Galleries): Catalogue {
  return local.get(galleries)!.catalogue
}

/** The jobs of these galleries. */
export function jobsOf(galleries: Galleries): JobStore {
  return local.get(galleries)!.jobs
}

/** The collections of sets that the server has, by name. */
export async function collectionsOf({ settings }: Pick<RunningWeaviate, 'settings'>): Promise<string[]> {
  const answer = (await (await fetch(`${settings.url}/v1/schema`)).json()) as { classes?: { class: string }[] }
  const names = (answer.classes ?? []).map((one) => one.class)
  return names.filter((name) => name.startsWith('Alike_')).sort()
}
