/** The query and its options, stored in the page's URL. Pure. */
import { readFilter } from '../filter/filter.js'

/** Fractions of the upright picture. */
export interface Region {
  x: number
  y: number
  width: number
  height: number
}

export interface SearchQuery {
  /** A stored picture. */
  imageId?: string | undefined
  /** A picture held by this page, by token. */
  picture?: string | undefined
  /** A picture for the service to fetch. */
  url?: string | undefined
  like: string[]
  unlike: string[]
  region?: Region | undefined
  k: number
  exact: boolean
  /** Only near-copies of the query. */
  nearCopies: boolean
  hideDuplicates: boolean
  /** Number of best hits that expand the query. */
  expand: number
  /** 0: ordered by score. */
  diversity: number
  /** `label` or a metadata path. */
  groupBy?: string | undefined
  filter?: Record<string, unknown> | undefined
}

const defaultK = 24
/** By the API: hits of an answer, its groups, and hits that may expand a query. */
export const hitsMax = 1_000
export const groupsMax = 500
export const expandMax = 100

export function readQuery(settings: URLSearchParams): SearchQuery {
  const text = (name: string) => settings.get(name) ?? undefined
  return {
    imageId: text('id'),
    picture: text('picture'),
    url: text('url'),
    like: settings.getAll('like'),
    unlike: settings.getAll('unlike'),
    region: readRegion(text('region')),
    k: within(Number(text('k') ?? defaultK), 1, hitsMax) ?? defaultK,
    exact: settings.has('exact'),
    nearCopies: settings.has('copies'),
    hideDuplicates: settings.has('hide'),
    expand: within(Math.floor(Number(text('expand') ?? 0)), 0, expandMax) ?? 0,
    diversity: within(Number(text('diversity') ?? 0), 0, 1) ?? 0,
    groupBy: text('group'),
    filter: readFilter(text('filter')),
  }
}

export function writeQuery(query: SearchQuery): URLSearchParams {
  const { imageId, picture, url, like, unlike, region, k, groupBy, filter } = query
  const settings = new URLSearchParams()
  const set = (name: string, value: string | number | undefined) =>
    value === undefined || value === '' ? undefined : settings.set(name, String(value))
  set('id', imageId)
  set('picture', picture)
  set('url', url)
  for (const id of like) settings.append('like', id)
  for (const id of unlike) settings.append('unlike', id)
  set('region', region && [region.x, region.y, region.width, region.height].map((one) => one.toFixed(4)).join(','))
  set('k', k === defaultK ? undefined : k)
  set('exact', query.exact ? 1 : undefined)
  set('copies', query.nearCopies ? 1 : undefined)
  set('hide', query.hideDuplicates ? 1 : undefined)
  set('expand', query.expand || undefined)
  set('diversity', query.diversity || undefined)
  set('group', groupBy)
  set('filter', filter && JSON.stringify(filter))
  return settings
}

/** Whether there is anything to search for. */
export function hasExample({ imageId, picture, url, like }: SearchQuery): boolean {
  return imageId !== undefined || picture !== undefined || url !== undefined || like.length > 0
}

/** Near-copies are not grouped. */
export function hasGroups({ groupBy, nearCopies }: SearchQuery): boolean {
  return groupBy !== undefined && !nearCopies
}

export function hasOnePicture({ imageId, picture, url, like, unlike }: SearchQuery): boolean {
  return like.length + unlike.length === 0 && (imageId ?? picture ?? url) !== undefined
}

/** Only a query with a single whole picture can be judged: a judgement names the file that was searched with. */
export function canBeJudged(query: SearchQuery): boolean {
  return hasOnePicture(query) && query.region === undefined
}

/** Replaces the example and keeps the options. */
export function withExample(
  query: SearchQuery,
  example: Pick<SearchQuery, 'imageId' | 'picture' | 'url'>,
): SearchQuery {
  return {
    ...query,
    imageId: undefined,
    picture: undefined,
    url: undefined,
    region: undefined,
    like: [],
    unlike: [],
    ...example,
  }
}

/** Liked, disliked, or neither. */
export function withOpinion(query: SearchQuery, id: string, opinion: 'like' | 'unlike'): SearchQuery {
  const had = query[opinion].includes(id)
  const like = query.like.filter((one) => one !== id)
  const unlike = query.unlike.filter((one) => one !== id)
  if (!had) (opinion === 'like' ? like : unlike).push(id)
  return { ...query, like, unlike }
}

function readRegion(text: string | undefined): Region | undefined {
  const [x, y, width, height] = (text ?? '').split(',').map(Number)
  if (x === undefined || y === undefined || width === undefined || height === undefined) return undefined
  return [x, y, width, height].every(Number.isFinite) && width > 0 && height > 0 ? { x, y, width, height } : undefined
}

function within(value: number, low: number, high: number): number | undefined {
  return value >= low && value <= high ? value : undefined
}
