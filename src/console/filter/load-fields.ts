/** A sample of a gallery's pictures, for the fields that a filter can name. */
import { answerOf, service } from '../api/service.js'
import { type Field, fieldsOf } from './fields.js'

const sampleSize = 500

/** @throws ServiceError */
export async function loadFields(gallery: string): Promise<Field[]> {
  const { images } = await answerOf(
    service.GET('/v1/galleries/{gallery}/images', { params: { path: { gallery }, query: { limit: sampleSize } } }),
  )
  return fieldsOf(images)
}
