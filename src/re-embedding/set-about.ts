/** Additional facts about an embedding set, stored as JSON in the catalogue. */
import type { CatalogueSet } from '../gallery/catalogue.js'
import type { StorageWishes } from '../gallery/engine.js'
import type { GateReport } from './gate-report.js'

/**
 * How to handle pictures without a kept original. `fail`: the job fails before anything is embedded. `leave_out`: they
 * are missing from the set.
 */
export const withoutOriginalChoices = ['fail', 'leave_out'] as const
export type WithoutOriginal = (typeof withoutOriginalChoices)[number]

/** Result of the comparison before a copy began to serve. */
export interface Compared {
  images: number
  /**
   * Sum over its pictures, see `compared-copies.ts`; hex. Omitted if some were written meanwhile and compared
   * individually.
   */
  checksum?: string | undefined
  /** ISO 8601. */
  comparedAt: string
}

export interface SetAbout {
  compared?: Compared | undefined
  /** Its storage has been prepared in its engine: see `gallery/prepared-sets.ts`. */
  isMade?: boolean | undefined
  /** How its creator wanted it to be stored; undefined: as the service does by default. */
  wishes?: StorageWishes | undefined
  withoutOriginal?: WithoutOriginal | undefined
  /** The latest evaluation against the serving set. */
  gate?: GateReport | undefined
  /** Until when a former serving set is kept up to date, ISO 8601; then it is removed. */
  keptUntil?: string | undefined
}

export function aboutOf({ about }: Pick<CatalogueSet, 'about'>): SetAbout {
  return about as SetAbout
}

export function asStored(about: SetAbout): CatalogueSet['about'] {
  return JSON.parse(JSON.stringify(about)) as CatalogueSet['about']
}

const dayMs = 86_400_000

/** For a set that served until now: earlier results of a gate or a comparison no longer apply to it. */
export function aboutFormer(about: SetAbout, now: Date, setKeptDays: number): CatalogueSet['about'] {
  const keptUntil = new Date(now.getTime() + setKeptDays * dayMs).toISOString()
  return asStored({ ...about, gate: undefined, compared: undefined, keptUntil })
}

/** The serving set of a gallery; there always is one. */
export function servingOf<Listed extends Pick<CatalogueSet, 'stage'>>(sets: readonly Listed[]): Listed {
  return sets.find(({ stage }) => stage === 'serving')!
}
