/** The three ways to send a picture, for routes that accept one. */
import { type TObject, type TSchema, Type } from 'typebox'

export const BinaryImage = Type.String({
  format: 'binary',
  description:
    'The picture file: JPEG, PNG, WebP, GIF, AVIF, HEIC, TIFF, BMP or JPEG XL; its first frame or page. See docs/formats.md.',
})

/** A complete picture of one pixel, so that examples can be tried. */
export const exampleBase64 =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=='

export const Base64Image = Type.String({
  contentEncoding: 'base64',
  description: 'The picture file in base64; a `data:` URL is accepted too.',
  examples: [exampleBase64],
})

export const ImageUrl = Type.String({
  maxLength: 2_048,
  description:
    'URL of the picture, http or https; refused unless the service is configured to allow its host (`URL_ALLOWED_HOSTS`).',
  examples: ['https://images.example.com/cycling/12.jpg'],
})

/**
 * The request body of such a route, by content type. Only JSON is validated by its schema here; `image-request.ts`
 * validates the rest.
 */
export function imageBody(form: TObject, json: TSchema) {
  return {
    content: {
      'image/*': { schema: BinaryImage },
      'multipart/form-data': { schema: form },
      'application/json': { schema: json },
    },
  }
}
