/** The fields that the filter builder offers. Pure. */

export interface Field {
  /** As used in filters: `label`, `id`, or a metadata path. */
  name: string
  types: readonly FieldType[]
  /** Common values, most frequent first. */
  values: readonly string[]
  /** Smallest and largest number seen. */
  range?: readonly number[] | undefined
}

export type FieldType = 'text' | 'number' | 'boolean' | 'null'

/** For filters only: pictures cannot be grouped by it. */
export const idField: Field = { name: 'id', types: ['text'], values: [] }

/** As returned by the service. */
export interface ToldField {
  name: string
  types: readonly FieldType[]
  values: readonly { value: string | number | boolean }[]
  range?: readonly number[] | undefined
}

/** Labels are complete; of the metadata the service has examined a sample. */
export function fieldsOf(told: readonly ToldField[], labels: readonly string[]): Field[] {
  const inMetadata = told
    .filter(({ name }) => name !== 'label')
    .map(({ name, types, values, range }) => ({ name, types, values: values.map(({ value }) => String(value)), range }))
  return [{ name: 'label', types: ['text'], values: labels }, ...inMetadata]
}
