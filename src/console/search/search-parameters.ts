/** Converts a query to the API's parameters. Pure. */
import { groupsMax, hasExample, hasGroups, type Region, type SearchQuery } from './search-query.js'

/** Number of best hits that vote on the label. */
const voters = 10

export interface SearchParameters {
  imageId?: string
  url?: string
  like?: string[]
  unlike?: string[]
  region?: Region
  k: number
  exact?: boolean
  vote?: number
  nearCopies?: 'only'
  hideDuplicates?: boolean
  expand?: number
  diversity?: number
  groupBy?: string
  filter?: Record<string, unknown>
  include: ('metadata' | 'thumbnail')[]
}

export function parametersOf(query: SearchQuery): SearchParameters {
  const { imageId, url, like, unlike, region, k, exact, nearCopies, hideDuplicates, groupBy, filter } = query
  const { expand, diversity } = query
  const grouped = hasGroups(query)
  return {
    ...(imageId !== undefined && { imageId }),
    ...(url !== undefined && { url }),
    ...(like.length > 0 && { like }),
    ...(unlike.length > 0 && { unlike }),
    // a stored picture cannot be cropped, because only its embedding is used
    ...(region && hasExample({ ...query, imageId: undefined, like: [] }) && { region }),
    k: grouped ? Math.min(k, groupsMax) : k,
    ...(exact && { exact }),
    ...(nearCopies ? { nearCopies: 'only' as const } : { vote: voters }),
    ...(hideDuplicates && !nearCopies && { hideDuplicates }),
    ...(expand > 0 && !nearCopies && { expand }),
    ...(diversity > 0 && !grouped && !nearCopies && { diversity }),
    ...(groupBy !== undefined && grouped && { groupBy }),
    ...(filter && { filter }),
    include: ['metadata'],
  }
}

/** For the query string, if the body is the picture. */
export function addressParameters(parameters: SearchParameters) {
  const { region, filter, ...rest } = parameters
  return {
    ...rest,
    ...(region && { region: regionText(region) }),
    ...(filter && { filter: JSON.stringify(filter) }),
  }
}

/** In a query string. */
export function regionText({ x, y, width, height }: Region): string {
  return [x, y, width, height].join(',')
}
