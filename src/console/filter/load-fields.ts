/** Loads the fields that a filter of a gallery can use. */
import { may } from '../api/caller.js'
import { type LabelCount, loadLabels } from '../api/galleries.js'
import { answerOf, service } from '../api/service.js'
import { type Field, fieldsOf } from './fields.js'

/** @param counts of all labels, most frequent first; loaded if omitted @throws ServiceError */
export async function loadFields(gallery: string, counts?: readonly LabelCount[]): Promise<Field[]> {
  // its values have to be known
  if (!may('read')) return fieldsOf([], [])
  const [{ fields }, labels] = await Promise.all([
    answerOf(service.GET('/v1/galleries/{gallery}/fields', { params: { path: { gallery } } })),
    counts ?? loadLabels(gallery),
  ])
  return fieldsOf(
    fields,
    labels.flatMap(({ label }) => label ?? []),
  )
}
