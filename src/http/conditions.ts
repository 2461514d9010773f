/** Conditional requests (RFC 9110, section 13). */
import { type Static, Type } from 'typebox'
import { AlikeError } from '../errors.js'
import { type Precondition, type Versions, versionOf } from '../gallery/precondition.js'
import type { ImageRecord } from '../gallery/records.js'

/** Whether the caller already has what would be sent. */
export function isKnown(ifNoneMatch: string | undefined, etag: string): boolean {
  const known = versionsOf(ifNoneMatch)
  return known === 'any' || (known?.includes(etag.slice(1, -1)) ?? false)
}

/**
 * Parts of a file that are requested one by one then belong to one file.
 * @throws AlikeError `precondition_failed` if something else would be sent than the caller wants
 */
export function expectMatch(ifMatch: string | undefined, etag: string): void {
  if (ifMatch !== undefined && !isKnown(ifMatch, etag)) throw new AlikeError('precondition_failed')
}

export function etagOf(record: ImageRecord): string {
  return `"${versionOf(record)}"`
}

const entityTags = (description: string) =>
  Type.Optional(
    Type.String({
      // recipients must accept tabs and empty elements in lists
      pattern: '^(\\*|[ \\t,]*(W/)?"[^"]*"([ \\t]*,[ \\t,]*(W/)?"[^"]*")*[ \\t,]*)$',
      maxLength: 4_096,
      description: `\`*\` or entity tags, with their quotation marks. ${description}`,
    }),
  )

/** Of a request that changes a picture. */
export const WriteHeaders = Type.Object({
  'if-match': entityTags(
    'Only if the stored picture has one of these tags, as sent in the header `ETag` with its record; `*`: only if there is one. Otherwise the answer is 412 and nothing changes.',
  ),
  'if-none-match': entityTags(
    'Only if the stored picture has none of these tags; `*`: only if nothing is stored under the id. Otherwise the answer is 412 and nothing changes.',
  ),
})

/** Of a request that creates a gallery, which has no entity tags. */
export const CreationHeaders = Type.Object({
  'if-none-match': Type.Optional(
    Type.Literal('*', {
      description: 'Only if there is no gallery of this name. Otherwise the answer is 412 and nothing changes.',
    }),
  ),
})

/** What a write requires to be stored; undefined: anything. */
export function preconditionOf(headers: Static<typeof WriteHeaders>): Precondition | undefined {
  const { 'if-match': match, 'if-none-match': noneMatch } = headers
  if (match === undefined && noneMatch === undefined) return undefined
  return { match: versionsOf(match), noneMatch: versionsOf(noneMatch) }
}

/** A proxy that compresses answers makes strong tags weak or appends its coding (`"…-gzip"`); the version they name is the same. */
function versionsOf(header: string | undefined): Versions | undefined {
  if (header === undefined) return undefined
  return header === '*' ? 'any' : [...header.matchAll(/"([^"]*?)(-\w+)?"/g)].map(([, version]) => version!)
}
