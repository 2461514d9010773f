/** Asks the service why a stored picture matched a query. */
import { answerOf, imageBody, type Schemas, service } from '../api/service.js'
import { imageOf } from '../search/given-images.js'
import type { SearchQuery } from '../search/search-query.js'

export type Explanation = Schemas['Explanation']
export type Side = NonNullable<Explanation['query']>

/** @throws ServiceError, and an Error if the page no longer has the picture */
export async function explain(
  gallery: string,
  { imageId, picture, url, region }: SearchQuery,
  hit: string,
  signal: AbortSignal,
): Promise<Explanation> {
  const path = { gallery }
  if (picture === undefined)
    return answerOf(
      service.POST('/v1/galleries/{gallery}/explain', {
        params: { path },
        body: {
          hit,
          ...(imageId !== undefined && { imageId }),
          ...(url !== undefined && { url, ...(region && { region }) }),
        },
        signal,
      }),
    )
  const file = imageOf(picture)
  if (file === undefined) throw new Error('This page no longer has the picture of that search: choose it again.')
  const regionText = region && [region.x, region.y, region.width, region.height].join(',')
  return answerOf(
    service.POST('/v1/galleries/{gallery}/explain', {
      params: { path, query: { hit, ...(regionText !== undefined && { region: regionText }) } },
      ...imageBody(file),
      signal,
    }),
  )
}
