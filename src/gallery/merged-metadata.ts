/** JSON Merge Patch (RFC 7396) for metadata. */
import type { JsonValue, Metadata } from './records.js'

/** Members of `merge` replace those of the same name; null removes one, and an object is merged into an object. */
export function mergedMetadata(metadata: Metadata, merge: Metadata): Metadata {
  const merged = new Map(Object.entries(metadata))
  for (const [name, value] of Object.entries(merge)) {
    if (value === null) merged.delete(name)
    else merged.set(name, isObject(value) ? mergedMetadata(objectOr(merged.get(name)), value) : value)
  }
  return Object.fromEntries(merged)
}

function isObject(value: JsonValue | undefined): value is Metadata {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function objectOr(value: JsonValue | undefined): Metadata {
  return isObject(value) ? value : {}
}
