/** Galleries in the embedded engine only, opened as in `service/storage.ts`. */
import {
  type EmbeddedEngine,
  type EmbeddedOptions,
  openEmbedded,
} from '../../../src/engines/embedded/embedded-engine.js'
import { type Galleries, type GalleriesOptions, openGalleries } from '../../../src/gallery/galleries.js'
import type { ServableModel, ServableModels } from '../../../src/gallery/servable-models.js'
import type { JobStore } from '../../../src/jobs/job-store.js'
import { onlyModel } from '../../gallery/only-model.js'

export type EmbeddedGalleriesOptions = EmbeddedOptions &
  Pick<GalleriesOptions, 'limits' | 'pages' | 'onRankingDrop'> & {
    model: ServableModel
    /** Default: only that one. */
    models?: ServableModels | undefined
  }

const engines = new WeakMap<Galleries, EmbeddedEngine>()

export async function openEmbeddedGalleries(options: EmbeddedGalleriesOptions): Promise<Galleries> {
  const embedded = await openEmbedded(options)
  const { model, models = onlyModel(model), limits, pages, onRankingDrop } = options
  const galleries = await openGalleries({
    catalogue: embedded.catalogue,
    engines: { embedded },
    engineOfNew: 'embedded',
    progress: { committedBy: ['embedded'], advance: (progress, stored) => embedded.jobs.advance(progress, stored) },
    feedback: embedded.feedback,
    decisions: embedded.decisions,
    layouts: embedded.layouts,
    models,
    limits,
    pages,
    onRankingDrop,
  })
  engines.set(galleries, embedded)
  return galleries
}

/** The jobs of these galleries. */
export function jobsOf(galleries: Galleries): JobStore {
  return engineOf(galleries).jobs
}

/** Their engine. */
export function engineOf(galleries: Galleries): EmbeddedEngine {
  return engines.get(galleries)!
}
