/** The three ways in which a picture arrives, for routes that take one. */
import { type TObject, type TSchema, Type } from 'typebox'

export const BinaryImage = Type.String({
  format: 'binary',
  description:
    'The picture file: JPEG, PNG, WebP, GIF, AVIF, HEIC, TIFF, BMP or JPEG XL; its first frame or page. See docs/formats.md.',
})

/** A whole picture of one pixel, so that examples can be tried. */
export const exampleBase64 =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=='

export const Base64Image = Type.String({
  contentEncoding: 'base64',
  description: 'The picture file in base64; a `data:` URL is understood too.',
  examples: [exampleBase64],
})

export const ImageUrl = Type.String({
  maxLength: 2_048,
  description:
    'Where the picture is fetched from, by http or https; refused unless the service was set up to allow its host (`URL_ALLOWED_HOSTS`).',
  examples: ['https://images.example.com/cycling/12.jpg'],
})

/** The request body of such a route, by content type. Only JSON is checked by its schema here; `image-request.ts` checks the rest. */
export function imageBody(form: TObject, json: TSchema) {
  return {
    content: {
      'image/*': { schema: BinaryImage },
      'multipart/form-data': { schema: form },
      'application/json': { schema: json },
    },
  }
}
