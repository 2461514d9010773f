/** All galleries by name: created, listed, deleted. Calls about pictures, searches and sets are passed to the parts. */
import { allEnded } from '../all-ended.js'
import { AlikeError, type ErrorCode, ignoring } from '../errors.js'
import { type CatalogueEntry, type CatalogueRecord, readAtOnce } from './catalogue.js'
import type { DecisionStore } from './decisions.js'
import type { Engine } from './engine.js'
import type { FeedbackStore } from './feedback.js'
import { type GalleriesLimits, galleriesLimitsDefault } from './galleries-limits.js'
import type { GalleryDecisions } from './gallery-decisions.js'
import { GalleryFeedback } from './gallery-feedback.js'
import { GalleryImages } from './gallery-images.js'
import { allEntries, type GalleryListPage, type GalleryListSlice, gallerySlices } from './gallery-list.js'
import type { GalleryChange, GalleryRules } from './gallery-options.js'
import { GalleryReadings, unservedCodes } from './gallery-readings.js'
import { GallerySearches } from './gallery-searches.js'
import { GallerySets } from './gallery-sets.js'
import { LocalLocks } from './held-locks.js'
import type { ProgressKeeper } from './job-progress.js'
import { KeptRankings, type KeptRankingsSettings, keptRankingsDefaults } from './kept-rankings.js'
import type { LayoutStore } from './layout.js'
import { LocalWrites } from './local-writes.js'
import type { Metadata } from './metadata.js'
import { createGallery, type NewGalleryOptions } from './new-gallery.js'
import { finishPreparing } from './prepared-sets.js'
import type { GalleryRecord } from './records.js'
import { decisionsOf } from './routed-decisions.js'
import { RoutedSets, type RoutedSetsOptions } from './routed-sets.js'
import type { ServableModels } from './servable-models.js'
import type { Writes } from './writes.js'

/** The engines are closed with the galleries. */
export interface GalleriesOptions extends RoutedSetsOptions {
  /** Name of the engine for new galleries. */
  engineOfNew: string
  progress: ProgressKeeper
  feedback: FeedbackStore
  decisions: DecisionStore
  layouts: LayoutStore
  /** Default: no other process writes to the galleries. */
  writes?: Writes | undefined
  /** Whether galleries are prepared here whose creators died: not in a process that answers no requests. Default true. */
  takesUnprepared?: boolean | undefined
  /** Called at the start for each gallery whose model is not installed. */
  onModelMissing?: ((gallery: CatalogueRecord) => void) | undefined
  /** Called with the uid of a gallery that was deleted. */
  onDeleted?: ((uid: string) => void) | undefined
  limits?: Partial<GalleriesLimits> | undefined
  /** Limits of rankings kept for further pages. */
  pages?: Partial<KeptRankingsSettings> | undefined
  /** Called for each ranking that is dropped, for a metric. */
  onRankingDrop?: ((reason: 'expired' | 'displaced') => void) | undefined
}

/** Why a gallery may stay unprepared: somebody is creating it, or it is prepared when a job needs it, or at a later start. */
const unfinishedCodes: readonly ErrorCode[] = [
  ...unservedCodes,
  'gallery_not_found',
  'data_unreadable',
  'storage_full',
  'overloaded',
  'store_unreachable',
]

/** Calls that name a gallery reject with `gallery_not_found`. */
export class Galleries {
  readonly images: GalleryImages
  readonly searches: GallerySearches
  readonly sets: GallerySets
  readonly readings: GalleryReadings
  readonly writes: Writes
  /** The models that are served. */
  readonly models: ServableModels
  readonly #options: GalleriesOptions
  readonly #engines: Engine[]
  readonly #limits: GalleriesLimits
  readonly #routed: RoutedSets
  readonly #rankings: KeptRankings
  /** Of decisions that are being applied or revoked. */
  readonly #deciding = new LocalLocks()

  constructor(options: GalleriesOptions) {
    this.#options = options
    this.#engines = Object.values(options.engines)
    this.models = options.models
    this.#limits = { ...galleriesLimitsDefault, ...options.limits }
    this.#routed = new RoutedSets(options)
    this.#rankings = new KeptRankings({
      ...keptRankingsDefaults,
      ...options.pages,
      now: () => performance.now(),
      onDrop: (reason) => options.onRankingDrop?.(reason),
    })
    this.readings = new GalleryReadings(this.#routed)
    this.writes = options.writes ?? new LocalWrites({ ...options, changedMax: this.#limits.changedMax })
    this.images = new GalleryImages(this.#routed, this.writes, options.progress)
    this.searches = new GallerySearches(this.#routed, this.#rankings)
    this.sets = new GallerySets({
      routed: this.#routed,
      readings: this.readings,
      writes: this.writes,
      progress: options.progress,
      rankings: this.#rankings,
      layouts: options.layouts,
    })
  }

  /** Set once an engine cannot continue: the process should be restarted. */
  get failure(): AlikeError | undefined {
    return this.#engines.find(({ failure }) => failure !== undefined)?.failure
  }

  /** Why nothing can be written at the moment, in a sentence; undefined if writes are accepted. */
  get readOnly(): string | undefined {
    return this.#engines.find(({ readOnly }) => readOnly !== undefined)?.readOnly
  }

  /** Names of the engines that are unavailable, and why. */
  get unreachable(): { engine: string; detail: string }[] {
    return Object.entries(this.#options.engines).flatMap(([engine, { unreachable: detail }]) =>
      detail === undefined ? [] : { engine, detail },
    )
  }

  get engineNames(): string[] {
    return Object.keys(this.#options.engines)
  }

  /** What callers can choose from. */
  get offeredEngines(): { name: string; takesWishes: boolean }[] {
    return Object.entries(this.#options.engines).map(([name, { takesWishes = false }]) => ({ name, takesWishes }))
  }

  /** The engine of galleries that name none. */
  get engineOfNew(): string {
    return this.#options.engineOfNew
  }

  /** @throws AlikeError as `createGallery` */
  async create(
    name: string,
    settings?: Metadata,
    options: NewGalleryOptions = {},
  ): Promise<{ gallery: GalleryRecord; created: boolean }> {
    const { engineOfNew } = this.#options
    const { galleriesMax } = this.#limits
    const request = { ...options, name, settings, engineOfNew, galleriesMax, shared: this.writes.shared }
    const { gallery, created } = await createGallery(this.#routed, request)
    return { gallery: await this.readings.recordOf(gallery), created }
  }

  /** What is kept of its pictures and queries. */
  async rules(name: string): Promise<GalleryRules & { galleryUid: string }> {
    const entry = await this.#routed.find(name)
    return { ...this.#routed.rulesOf(entry), galleryUid: entry.uid }
  }

  /** The rules of all galleries, by uid. */
  async rulesByUid(): Promise<Map<string, GalleryRules>> {
    const rules = new Map<string, GalleryRules>()
    for await (const entry of allEntries(this.#options.catalogue)) rules.set(entry.uid, this.#routed.rulesOf(entry))
    return rules
  }

  /** Applies from now on; see `changedOptions`. @throws AlikeError `storage_full`, `overloaded` */
  async changeRules(name: string, change: GalleryChange): Promise<GalleryRecord> {
    return this.readings.recordOf(await this.#options.catalogue.change(name, change))
  }

  async get(name: string): Promise<GalleryRecord> {
    await this.#routed.find(name) // only the name of a damaged one is known
    return this.listed(name)
  }

  /** As in a list: if the record is damaged, only the name is known. */
  async listed(name: string): Promise<GalleryRecord> {
    const record = await this.#options.catalogue.record(name)
    if (record === undefined) throw new AlikeError('gallery_not_found')
    return this.readings.recordOf(record)
  }

  /** Of all of them, in order. */
  async *names(): AsyncGenerator<string> {
    for await (const { name } of allEntries(this.#options.catalogue)) yield name
  }

  /** As `gallerySlices`; default `maxLength`: what fits into one response. */
  slices(page: Omit<GalleryListPage, 'maxLength'> & { maxLength?: number }): AsyncGenerator<GalleryListSlice> {
    const recordOf = (record: CatalogueRecord) => this.readings.recordOf(record)
    return gallerySlices(this.#options.catalogue, recordOf, { maxLength: this.#limits.pageMaxLength, ...page })
  }

  /** Gone at once for every caller, whatever the state of the record; its pictures are deleted in the background. */
  async delete(name: string): Promise<void> {
    const { uid, sets } = await this.#options.catalogue.remove(name)
    this.#rankings.forget(uid)
    this.writes.forget(name)
    this.#options.onDeleted?.(uid)
    const drops = sets.map(({ uid: setUid, engine }) => this.#options.engines[engine]?.drop({ uid: setUid }))
    await allEnded(drops)
  }

  /** Judgements of its hits. */
  async feedback(name: string): Promise<GalleryFeedback> {
    const entry = await this.#routed.find(name)
    const set = await this.#routed.openEntry(entry)
    return new GalleryFeedback({ galleryUid: entry.uid, store: this.#options.feedback, set })
  }

  /** Decisions about its findings. */
  async decisions(name: string): Promise<GalleryDecisions> {
    return this.#decisionsOf(await this.#routed.find(name))
  }

  /** Closes the engines, which finish accepted calls. */
  async close(): Promise<void> {
    for (const engine of this.#engines) await engine.close()
  }

  /** Opens the sets of the installed models, one after another, and finishes what a previous process could not. */
  async openServed(): Promise<void> {
    const { catalogue } = this.#options
    for (let after: string | undefined = ''; after !== undefined; ) {
      const { records } = await catalogue.list({ after, limit: readAtOnce, maxLength: Infinity })
      for (const entry of records) {
        if (entry.unreadable !== undefined) continue
        // one unavailable gallery does not keep the others from opening
        await this.#openServed(entry).catch(ignoring(...unservedCodes))
      }
      after = records.at(-1)?.name
    }
  }

  async #openServed(entry: CatalogueRecord): Promise<void> {
    if (this.#routed.stated(entry).state === 'ready') {
      if (this.#options.takesUnprepared !== false)
        await finishPreparing(entry, this.#routed, this.writes.shared).catch(ignoring(...unfinishedCodes))
      await this.#routed.openEntry(entry)
    } else this.#options.onModelMissing?.(entry)
    const decisions = await this.#decisionsOf(entry)
    await decisions.finishUnsettled()
  }

  #decisionsOf(entry: CatalogueEntry): Promise<GalleryDecisions> {
    const { decisions: store } = this.#options
    return decisionsOf(entry, { store, routed: this.#routed, writes: this.writes, locks: this.#deciding })
  }
}

/** Opens the sets of the installed models too; if one cannot be opened, the engines are closed again. */
export async function openGalleries(options: GalleriesOptions): Promise<Galleries> {
  const galleries = new Galleries(options)
  try {
    await galleries.openServed()
    return galleries
  } catch (error) {
    await galleries.close()
    throw error
  }
}
