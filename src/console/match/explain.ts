/** Asks the service why a stored picture matched a query. */
import { answerOf, imageBody, type Schemas, service } from '../api/service.js'
import { expectImage } from '../search/given-images.js'
import { regionText } from '../search/search-parameters.js'
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
  return answerOf(
    service.POST('/v1/galleries/{gallery}/explain', {
      params: { path, query: { hit, ...(region && { region: regionText(region) }) } },
      ...imageBody(expectImage(picture)),
      signal,
    }),
  )
}
