/** What is remembered of an embedding set beside its pictures, as JSON in the catalogue. */
import type { CatalogueSet } from '../gallery/catalogue.js'
import type { GateReport } from './gate-report.js'

/** What becomes of pictures that were not kept as they came. `fail`: the job fails before anything is embedded. `leave_out`: they are missing from the set. */
export const withoutOriginalChoices = ['fail', 'leave_out'] as const
export type WithoutOriginal = (typeof withoutOriginalChoices)[number]

/** What a copy was found to be before it began to serve. */
export interface Compared {
  images: number
  /** Sum of its pictures, see `compared-copies.ts`; hex. Left out: some were written meanwhile, and compared one by one. */
  checksum?: string | undefined
  /** ISO 8601. */
  comparedAt: string
}

export interface SetAbout {
  compared?: Compared | undefined
  /** Room was made for it in its engine: see `gallery/made-sets.ts`. */
  isMade?: boolean | undefined
  withoutOriginal?: WithoutOriginal | undefined
  /** Of the last time it was judged against the set that serves. */
  gate?: GateReport | undefined
  /** Until when one that served is brought up to date, ISO 8601; then it is removed. */
  keptUntil?: string | undefined
}

export function aboutOf({ about }: Pick<CatalogueSet, 'about'>): SetAbout {
  return about as SetAbout
}

export function asStored(about: SetAbout): CatalogueSet['about'] {
  return JSON.parse(JSON.stringify(about)) as CatalogueSet['about']
}

const dayMs = 86_400_000

/** Until when a set that serves no more is brought up to date. */
export function keptUntilOf(now: Date, setKeptDays: number): string {
  return new Date(now.getTime() + setKeptDays * dayMs).toISOString()
}

/** Of a gallery's sets, the one that serves: there is always one. */
export function servingOf<Listed extends Pick<CatalogueSet, 'stage'>>(sets: readonly Listed[]): Listed {
  return sets.find(({ stage }) => stage === 'serving')!
}
