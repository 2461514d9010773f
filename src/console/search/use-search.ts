/** Runs the search described by the page's URL. */
import { useEffect, useState } from 'preact/hooks'
import { may } from '../api/caller.js'
import { answerOf, imageBody, type Schemas, service } from '../api/service.js'
import { takeLinks } from '../api/thumbnails.js'
import { expectImage } from './given-images.js'
import { addressParameters, parametersOf } from './search-parameters.js'
import { hasExample, type SearchQuery, writeQuery } from './search-query.js'

export type SearchAnswer = Schemas['SearchAnswer']
export type Hit = SearchAnswer['hits'][number]

export interface SearchState {
  answer?: SearchAnswer | undefined
  /** The query that it answers. */
  answered?: SearchQuery | undefined
  error?: unknown
  searching: boolean
  /** From request to response, as measured by the page. */
  roundTripMs?: number | undefined
}

/** The previous result stays until the next one arrives. */
export function useSearch(gallery: string, query: SearchQuery): SearchState & { searchAgain: () => void } {
  const [state, setState] = useState<SearchState>({ searching: hasExample(query) })
  const [round, setRound] = useState(0)
  const address = writeQuery(query).toString()
  useEffect(() => {
    if (!hasExample(query)) return setState({ searching: false })
    const leaving = new AbortController()
    const startedAt = performance.now()
    setState(({ answer, answered, roundTripMs }) => ({ answer, answered, roundTripMs, searching: true }))
    search(gallery, query, leaving.signal).then(
      (answer) =>
        leaving.signal.aborted ||
        setState({ answer, answered: query, searching: false, roundTripMs: performance.now() - startedAt }),
      (error: unknown) => leaving.signal.aborted || setState({ error, searching: false }),
    )
    return () => leaving.abort()
  }, [gallery, address, round])
  return { ...state, searchAgain: () => setRound((one) => one + 1) }
}

/**
 * @param set model whose embedding set is searched instead of the serving one
 * @throws ServiceError, and an Error if the page no longer has the picture
 */
export async function search(
  gallery: string,
  query: SearchQuery,
  signal: AbortSignal,
  set?: string,
): Promise<SearchAnswer> {
  const answer = await ask(gallery, query, signal, set)
  takeLinks(gallery, allHits(answer))
  return answer
}

export function allHits({ hits, groups = [] }: SearchAnswer): Hit[] {
  return [...hits, ...groups.flatMap((group) => group.hits)]
}

async function ask(gallery: string, query: SearchQuery, signal: AbortSignal, set?: string): Promise<SearchAnswer> {
  const path = { gallery }
  const parameters = parametersOf(query)
  // a key that may read needs no links
  if (!may('read')) parameters.include.push('thumbnail')
  if (query.picture === undefined) {
    // the filter is sent as it is in the URL; the service reports an invalid one
    const { filter, ...rest } = parameters
    const body = {
      ...rest,
      ...(set !== undefined && { set }),
      ...(filter !== undefined && { filter: filter as Schemas['Filter'] }),
    }
    return answerOf(service.POST('/v1/galleries/{gallery}/search', { params: { path }, body, signal }))
  }
  return answerOf(
    service.POST('/v1/galleries/{gallery}/search', {
      params: { path, query: { ...addressParameters(parameters), ...(set !== undefined && { set }) } },
      ...imageBody(expectImage(query.picture)),
      signal,
    }),
  )
}
