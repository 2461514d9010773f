/** The fields that a filter can name, as its builder offers them. Pure. */

export interface Field {
  /** `label`, or a place in the metadata as a filter names it. */
  name: string
  types: readonly FieldType[]
  /** Common ones, the most frequent first. */
  values: readonly string[]
  /** Smallest and largest number seen. */
  range?: readonly number[] | undefined
}

export type FieldType = 'text' | 'number' | 'boolean' | 'null'

/** As the service tells it. */
export interface ToldField {
  name: string
  types: readonly FieldType[]
  values: readonly { value: string | number | boolean }[]
  range?: readonly number[] | undefined
}

/** Labels are known to the last one; of what the metadata hold the service has looked at a sample. */
export function fieldsOf(told: readonly ToldField[], labels: readonly string[]): Field[] {
  const inMetadata = told
    .filter(({ name }) => name !== 'label')
    .map(({ name, types, values, range }) => ({ name, types, values: values.map(({ value }) => String(value)), range }))
  return [{ name: 'label', types: ['text'], values: labels }, ...inMetadata]
}
