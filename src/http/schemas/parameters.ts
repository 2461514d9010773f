/** Parts of addresses, and pages of lists. */
import { Type } from 'typebox'
import { idMaxLength, labelMaxLength } from '../../ingest/names.js'

export const GalleryName = Type.String({
  pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$',
  description: 'Name of a gallery: letters, digits, `.`, `_`, `-`; at most 64.',
  examples: ['holidays'],
})

export const ImageId = Type.String({
  minLength: 1,
  maxLength: idMaxLength,
  pattern: '^[^\\u0000-\\u001f\\u007f]+$',
  description: `Your id of a picture: any text of at most ${idMaxLength} characters without control characters. In addresses it is percent-encoded, slashes too.`,
  examples: ['cycling/Image_12.jpg'],
})

export const Label = Type.String({
  minLength: 1,
  maxLength: labelMaxLength,
  description: 'What the picture shows, its class.',
  examples: ['cycling'],
})

export const GalleryPath = Type.Object({ gallery: GalleryName })
export const ImagePath = Type.Object({ gallery: GalleryName, id: ImageId })

export const limit = (fallback: number, maximum: number) =>
  Type.Optional(Type.Integer({ minimum: 1, maximum, default: fallback, description: 'Most entries of one page.' }))

export const Cursor = Type.String({ maxLength: 2048, description: '`nextCursor` of the page before; opaque.' })
