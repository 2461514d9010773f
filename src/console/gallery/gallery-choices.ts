/** What a form chooses for a gallery, as texts of its fields, and what is sent of it: nothing that was left as it is. */

export type Originals = 'keep' | 'reference' | 'none'
export type Quantisation = 'none' | 'rq8'

/** Of a gallery as the service tells it. */
export interface GalleryRules {
  originals: Originals
  holdsOriginals: boolean
  keepQueries: number
}

/** Where a gallery is stored; empty: as the service is configured. */
export interface StorageChoices {
  engine: string
  /** It has shards and replicas. */
  distributed: boolean
  shards: string
  replicas: string
  quantisation: Quantisation | ''
}

export interface RuleChoices {
  originals: Originals | ''
  /** Gives up what was kept. */
  release: boolean
  keepQueries: string
}

export interface NewGalleryChoices extends StorageChoices, RuleChoices {
  model: string
}

export const nothingStored: StorageChoices = {
  engine: '',
  distributed: false,
  shards: '',
  replicas: '',
  quantisation: '',
}
export const nothingNew: NewGalleryChoices = {
  ...nothingStored,
  originals: '',
  release: false,
  keepQueries: '',
  model: '',
}

export function newGalleryBody(choices: NewGalleryChoices) {
  const { engine, model, originals, keepQueries } = choices
  return {
    ...(model !== '' && { model }),
    ...(engine !== '' && { engine, ...layoutOf(choices) }),
    ...(originals !== '' && { originals }),
    ...(Number(keepQueries) > 0 && { keepQueries: Number(keepQueries) }),
  }
}

/** Choices by which nothing changes. */
export function rulesOf({ originals, keepQueries }: GalleryRules): RuleChoices {
  return { originals, release: false, keepQueries: String(keepQueries) }
}

/** Undefined: nothing would change. */
export function changeOf(gallery: GalleryRules, choices: RuleChoices) {
  const { originals, keepQueries } = choices
  const change = {
    ...(originals !== '' && originals !== gallery.originals && { originals }),
    ...(mayRelease(gallery, choices) && choices.release && { releaseOriginals: true }),
    ...(Number(keepQueries) !== gallery.keepQueries && { keepQueries: Number(keepQueries) }),
  }
  return Object.keys(change).length === 0 ? undefined : change
}

/** There is something to give up, and nothing more is to be kept. */
export function mayRelease(
  { holdsOriginals }: Pick<GalleryRules, 'holdsOriginals'>,
  { originals }: RuleChoices,
): boolean {
  return holdsOriginals && originals !== 'keep'
}

export function moveBody(choices: StorageChoices, ratePerSecond: string) {
  return {
    engine: choices.engine,
    ...layoutOf(choices),
    ...(Number(ratePerSecond) > 0 && { ratePerSecond: Number(ratePerSecond) }),
  }
}

function layoutOf({ distributed, shards, replicas, quantisation }: StorageChoices) {
  if (!distributed) return {}
  return {
    ...(shards !== '' && { shards: Number(shards) }),
    ...(replicas !== '' && { replicas: Number(replicas) }),
    ...(quantisation !== '' && { quantisation }),
  }
}
