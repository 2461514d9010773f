/** The state of galleries, as reported by lists and metrics. */
import { AlikeError, type ErrorCode } from '../errors.js'
import { nextTurn } from '../turns.js'
import type { CatalogueEntry, CatalogueRecord } from './catalogue.js'
import type { SetState } from './engine.js'
import type { GalleryRecord } from './records.js'
import type { RoutedSets } from './routed-sets.js'

/** One line for metrics and for `GET /v1/galleries`. */
export interface GalleryReading extends SetState {
  gallery: string
  /** False while the gallery's model is not installed. */
  searchable: boolean
  /** See `GalleryOptions`; only when all galleries are read. */
  maxImages?: number | undefined
}

/** An entry that may be damaged. */
type ListedEntry = Omit<CatalogueEntry, 'options'> & { unreadable?: 'record' | undefined }

const noState: SetState = {
  images: 0,
  size: 0,
  unfindable: 0,
  tombstones: 0,
  pending: 0,
  building: false,
  rebuilds: 0,
}

/** Its engine is unavailable, or does not have the gallery: not any more, or not in this process. */
export const unservedCodes: readonly ErrorCode[] = [
  'engine_unreachable',
  'engine_version_refused',
  'engine_setting_refused',
  'gallery_lost',
  'gallery_newer',
  'gallery_elsewhere',
]

/** Galleries whose states are read before yielding to others: a few milliseconds. */
const statesPerTurn = 100

export class GalleryReadings {
  readonly #sets: RoutedSets

  constructor(sets: RoutedSets) {
    this.#sets = sets
  }

  /** All galleries, by name. */
  async all(): Promise<GalleryReading[]> {
    const readings: GalleryReading[] = []
    for (let after = ''; ; ) {
      const entries = await this.#sets.catalogue.entries({ after, limit: statesPerTurn })
      for (const entry of entries)
        readings.push({ ...(await this.#readingOf(entry)), maxImages: entry.options.maxImages })
      const last = entries.at(-1)
      if (last === undefined) return readings
      after = last.name
      await nextTurn()
    }
  }

  /** One gallery as it was read; it may have been deleted since. */
  of({ name, uid, setUid, engine, modelId, dimension, unreadable }: GalleryRecord): Promise<GalleryReading> {
    return this.#readingOf({ name, uid, engine, set: { uid: setUid, galleryUid: uid, modelId, dimension }, unreadable })
  }

  /** @throws AlikeError `gallery_not_found` */
  async state(gallery: string): Promise<SetState> {
    return (await this.#sets.open(gallery)).state()
  }

  /** For a set that may be unavailable. */
  async stateOf(entry: ListedEntry): Promise<SetState> {
    if (entry.unreadable !== undefined) return noState
    try {
      const engine = this.#sets.engines[entry.engine]
      // this process lacks it; or it looks for its server by itself, and waiting would take seconds for each gallery
      if (engine === undefined || engine.unreachable !== undefined) return { ...noState, unreachable: true }
      return await (await this.#sets.openEntry(entry)).state()
    } catch (error) {
      const code = error instanceof AlikeError ? error.code : undefined
      if (code === 'gallery_not_found') return noState
      if (code === 'gallery_lost') return { ...noState, lost: true }
      if (code === 'gallery_elsewhere') return { ...noState, elsewhere: true }
      if (code !== undefined && unservedCodes.includes(code)) return { ...noState, unreachable: true }
      throw error
    }
  }

  /** Its catalogue entry, and how many pictures it has. */
  async recordOf(record: CatalogueRecord): Promise<GalleryRecord> {
    const { set, options: _, ...rest } = record
    const { images: count } = await this.stateOf(record)
    const { uid: setUid, modelId, dimension } = set
    return { ...rest, rules: this.#sets.rulesOf(record), setUid, modelId, dimension, count }
  }

  async #readingOf(entry: ListedEntry): Promise<GalleryReading> {
    const searchable = this.#sets.stated(entry).state === 'ready'
    return { gallery: entry.name, searchable, ...(await this.stateOf(entry)) }
  }
}
