/** What a PATCH of one or of many pictures changes. */
import { type Static, Type } from 'typebox'
import { misfitOfStored, storedMembersMax } from '../../bounded-json.js'
import type { ChangeOf } from '../../gallery/edited-images.js'
import { mergedMetadata } from '../../gallery/merged-metadata.js'
import type { Metadata } from '../../gallery/records.js'
import { changedDescription, changedMembers, MetadataOfLine } from '../../ingest/line-schemas.js'
import { expectStorable } from '../json-body.js'
import { RequestInvalid } from '../validation.js'

export const ImageEdit = Type.Object(
  {
    ...changedMembers,
    mergeMetadata: Type.Optional(
      Type.Unsafe<Metadata>({
        ...MetadataOfLine,
        description:
          'Merged into the stored metadata (RFC 7396): a member replaces the one of its name, `null` removes it, and an object is merged into an object. Either this or `metadata`.',
      }),
    ),
  },
  {
    additionalProperties: false,
    minProperties: 1,
    description: changedDescription,
    examples: [{ label: 'running' }, { mergeMetadata: { reviewed: true, draft: null } }],
  },
)
export type ImageEdit = Static<typeof ImageEdit>

/** @throws RequestInvalid for what cannot be stored, whatever the picture */
export function expectEdit({ metadata, mergeMetadata }: ImageEdit, maxBytes: number): void {
  if (metadata !== undefined) expectStorable(metadata, maxBytes, { in: 'body', pointer: '/metadata' })
  if (mergeMetadata === undefined) return
  expectStorable(mergeMetadata, maxBytes, { in: 'body', pointer: '/mergeMetadata' })
  if (metadata !== undefined) throw unmergeable('excludes metadata')
}

/** @returns the change of each picture; it throws RequestInvalid if the merged metadata cannot be stored */
export function changeOf({ mergeMetadata, ...change }: ImageEdit, maxBytes: number): ChangeOf {
  if (mergeMetadata === undefined) return () => change
  return ({ id, metadata: stored, unreadable }) => {
    if (unreadable !== undefined) return undefined
    const metadata = mergedMetadata(stored, mergeMetadata)
    const misfit =
      Object.keys(metadata).length > storedMembersMax
        ? `has more than ${storedMembersMax} members`
        : misfitOfStored(metadata, maxBytes)
    if (misfit !== undefined) throw unmergeable(`with the metadata of ${id} ${misfit}`)
    return { ...change, metadata }
  }
}

function unmergeable(detail: string): RequestInvalid {
  return new RequestInvalid([{ in: 'body', pointer: '/mergeMetadata', detail }])
}
