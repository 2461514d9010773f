/** The choices in a gallery form, as field texts, and the request made from them: contains only what was changed. */

export type Originals = 'keep' | 'reference' | 'none'
export type Quantisation = 'none' | 'rq8'

/** As returned by the service. */
export interface GalleryRules {
  originals: Originals
  holdsOriginals: boolean
  keepQueries: number
  /** Missing: no limit of its own. */
  maxImages?: number | undefined
}

/** Where a gallery is stored; empty: as the service is configured. */
export interface StorageChoices {
  engine: string
  /** The engine has shards and replicas. */
  distributed: boolean
  shards: string
  replicas: string
  quantisation: Quantisation | ''
}

export interface RuleChoices {
  originals: Originals | ''
  /** Release stored originals. */
  release: boolean
  keepQueries: string
  /** Empty: no limit. */
  maxImages: string
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
  maxImages: '',
  model: '',
}

export function newGalleryBody(choices: NewGalleryChoices) {
  const { engine, model, originals, keepQueries, maxImages } = choices
  return {
    ...(model !== '' && { model }),
    ...(engine !== '' && { engine, ...layoutOf(choices) }),
    ...(originals !== '' && { originals }),
    ...(Number(keepQueries) > 0 && { keepQueries: Number(keepQueries) }),
    ...(maxImages !== '' && { maxImages: Number(maxImages) }),
  }
}

/** The choices that change nothing. */
export function rulesOf({ originals, keepQueries, maxImages }: GalleryRules): RuleChoices {
  return { originals, release: false, keepQueries: String(keepQueries), maxImages: String(maxImages ?? '') }
}

/** Undefined if nothing would change. */
export function changeOf(gallery: GalleryRules, choices: RuleChoices) {
  const { originals, keepQueries, maxImages } = choices
  const change = {
    ...(originals !== '' && originals !== gallery.originals && { originals }),
    ...(mayRelease(gallery, choices) && choices.release && { releaseOriginals: true }),
    ...(Number(keepQueries) !== gallery.keepQueries && { keepQueries: Number(keepQueries) }),
    ...(maxImages !== String(gallery.maxImages ?? '') && { maxImages: maxImages === '' ? null : Number(maxImages) }),
  }
  return Object.keys(change).length === 0 ? undefined : change
}

/** Originals are stored, and no more are to be kept. */
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
