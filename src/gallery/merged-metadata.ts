/** JSON Merge Patch (RFC 7396) for metadata. */
import { misfitOfStored, storedMembersMax } from '../bounded-json.js'
import type { JsonValue, Metadata } from './metadata.js'
import type { ImageRecord, MetadataMerge } from './records.js'

/**
 * Members replace those of the same name; null removes one, and an object is merged into an object. Applying it again changes
 * nothing.
 * @returns the merged metadata, or why it cannot be stored
 */
export function mergedMetadata(
  stored: Pick<ImageRecord, 'metadata' | 'unreadable'>,
  { members, maxBytes }: MetadataMerge,
): Metadata | 'image_damaged' | 'metadata_too_large' {
  if (stored.unreadable !== undefined) return 'image_damaged'
  const result = merged(stored.metadata, members)
  const isTooLarge = Object.keys(result).length > storedMembersMax || misfitOfStored(result, maxBytes) !== undefined
  return isTooLarge ? 'metadata_too_large' : result
}

function merged(stored: Metadata, members: Metadata): Metadata {
  const result = new Map(Object.entries(stored))
  for (const [name, value] of Object.entries(members)) {
    if (value === null) result.delete(name)
    else result.set(name, isObject(value) ? merged(objectOr(result.get(name)), value) : value)
  }
  return Object.fromEntries(result)
}

function isObject(value: JsonValue | undefined): value is Metadata {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function objectOr(value: JsonValue | undefined): Metadata {
  return isObject(value) ? value : {}
}
