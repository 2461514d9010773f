/** What the service offers for galleries. */
import { answerOf, type Schemas, service } from '../api/service.js'

export type GalleryOptions = Schemas['GalleryOptions']

/** @throws ServiceError */
export function loadGalleryOptions(signal: AbortSignal): Promise<GalleryOptions> {
  return answerOf(service.GET('/v1/gallery-options', { signal }))
}
