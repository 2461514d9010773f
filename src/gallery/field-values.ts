/** The values of a record by the names that filters use. */
import type { GroupKey } from '../ranking/groups.js'
import type { JsonValue, Metadata } from './metadata.js'

/** Names that groups accept: the label, or a metadata path. Filters accept `id` as well. */
export const fieldPattern = /^(label|metadata(\.[^."\\]{1,64}){1,8})$/

/** For a list, its elements; only texts, numbers and booleans. Empty if the record lacks the field. */
export function fieldValues(record: { label: string | null; metadata: Metadata }, field: string): GroupKey[] {
  if (field === 'label') return record.label === null ? [] : [record.label]
  let value: JsonValue | undefined = record.metadata
  for (const name of field.split('.').slice(1)) value = memberOf(value, name)
  return (Array.isArray(value) ? value : [value]).filter(isKey)
}

function memberOf(value: JsonValue | undefined, name: string): JsonValue | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.hasOwn(value, name)
    ? value[name]
    : undefined
}

function isKey(value: JsonValue | undefined): value is GroupKey {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}
