/** Parts of URLs, and pages of lists. */
import { Type } from 'typebox'
import { idMaxLength, idPattern, labelMaxLength, labelPattern, newIdPattern } from '../../ingest/names.js'
import { galleryPattern } from './patterns.js'

export const GalleryName = Type.String({
  pattern: galleryPattern,
  description: 'Name of a gallery: letters, digits, `.`, `_`, `-`; at most 64.',
  examples: ['holidays'],
})

/** Without an example, where the reference page must not prefill one. */
export const UnfilledImageId = Type.String({
  minLength: 1,
  maxLength: idMaxLength,
  pattern: idPattern,
  description: `Your id of a picture: any text of at most ${idMaxLength} characters without control characters. In URLs it is percent-encoded, including slashes. It is stored in Unicode form NFC and found in any form, unless the service keeps text unchanged (TEXT_FORM).`,
})
export const ImageId = { ...UnfilledImageId, examples: ['cycling/Image_12.jpg'] }

/**
 * No client can request `.` or `..`: they have a meaning in every URL. Stored by older versions, they can be deleted by
 * a line of NDJSON.
 */
export const NewImageId = { ...ImageId, pattern: newIdPattern }

export const Label = Type.String({
  minLength: 1,
  maxLength: labelMaxLength,
  pattern: labelPattern,
  description: 'The class of the picture: what it shows.',
  examples: ['cycling'],
})

export const GalleryPath = Type.Object({ gallery: GalleryName })
export const ImagePath = Type.Object({ gallery: GalleryName, id: ImageId })
export const NewImagePath = Type.Object({ gallery: GalleryName, id: NewImageId })

export const limit = (fallback: number, maximum: number) =>
  Type.Optional(
    Type.Integer({ minimum: 1, maximum, default: fallback, description: 'Maximum number of entries per page.' }),
  )

/** Ids take four bytes a character at most, and a cursor four characters for each three bytes. */
export const Cursor = Type.String({
  maxLength: 6 * idMaxLength,
  description: '`nextCursor` of the previous page of the same list; opaque.',
})
