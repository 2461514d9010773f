/**
 * Resolves a gallery by name: the catalogue says which set serves it and which engine stores that set, where it is
 * opened.
 */
import { AlikeError } from '../errors.js'
import type { Catalogue, CatalogueEntry, CatalogueSet } from './catalogue.js'
import type { EmbeddingSet, Engine, OpenSet } from './engine.js'
import { type GalleryRules, type OriginalsMode, rulesOf } from './gallery-options.js'
import type { ServableModels } from './servable-models.js'

export interface RoutedSetsOptions {
  catalogue: Catalogue
  /** By the names used in gallery records. */
  engines: Readonly<Record<string, Engine>>
  /** The installed models. */
  models: ServableModels
  /** For galleries without this option. Default `keep`. */
  originals?: OriginalsMode | undefined
}

export class RoutedSets {
  readonly catalogue: Catalogue
  readonly engines: Readonly<Record<string, Engine>>
  readonly models: ServableModels
  readonly #originals: OriginalsMode

  constructor({ catalogue, engines, models, originals = 'keep' }: RoutedSetsOptions) {
    this.catalogue = catalogue
    this.engines = engines
    this.models = models
    this.#originals = originals
  }

  /** @throws AlikeError `gallery_not_found` */
  async find(gallery: string): Promise<CatalogueEntry> {
    const entry = await this.catalogue.find(gallery)
    if (entry === undefined) throw new AlikeError('gallery_not_found')
    return entry
  }

  /**
   * The serving set.
   * @throws AlikeError `gallery_not_found`, `data_unreadable`
   */
  async open(gallery: string): Promise<OpenSet> {
    return this.openEntry(await this.find(gallery))
  }

  /**
   * The serving set, if it can be searched and added to.
   * @throws AlikeError `model_mismatch`
   */
  async openReady(gallery: string): Promise<{ entry: CatalogueEntry; opened: OpenSet }> {
    const entry = await this.find(gallery)
    if (this.stated(entry).state !== 'ready')
      throw new AlikeError('model_mismatch', {
        detail: `The gallery belongs to model ${entry.set.modelId}, which is not installed.`,
      })
    return { entry, opened: await this.openEntry(entry) }
  }

  /** What is kept of a gallery's pictures and queries. */
  rulesOf({ options }: Pick<CatalogueEntry, 'options'>): GalleryRules {
    return rulesOf(options, this.#originals)
  }

  openEntry(entry: Pick<CatalogueEntry, 'engine' | 'set'>): Promise<OpenSet> {
    return this.engineOf(entry.engine).open(this.stated(entry))
  }

  /** @throws AlikeError `data_unreadable` */
  engineOf(name: string): Engine {
    const engine = this.engines[name]
    if (engine !== undefined) return engine
    throw new AlikeError('data_unreadable', {
      detail: `The gallery lives in engine ${name}, which this process does not have.`,
    })
  }

  /** For an engine named by a caller. @throws AlikeError `engine_not_found` */
  expectEngine(name: string): void {
    if (!Object.hasOwn(this.engines, name))
      throw new AlikeError('engine_not_found', { detail: `There are: ${Object.keys(this.engines).join(', ')}.` })
  }

  /** Any set of a gallery. @throws AlikeError `gallery_not_found` if it was removed, `data_unreadable` */
  openSet(set: Omit<CatalogueSet, 'stage'>): Promise<OpenSet> {
    return this.openEntry({ engine: set.engine, set })
  }

  /** The serving set, and whether its model is installed. */
  stated({ set }: Pick<CatalogueEntry, 'set'>): EmbeddingSet {
    const isServed = this.models.has(set.modelId) && this.models.get(set.modelId).dimension === set.dimension
    return { ...set, state: isServed ? 'ready' : 'retired' }
  }
}
