/** Stored pictures: how they are sent, changed and shown. */
import { Type } from 'typebox'
import { allows, type Grant } from '../../access/grants.js'
import { examinedMax } from '../../gallery/engine.js'
import type { ListedImage } from '../../gallery/records.js'
import { labelMaxLength } from '../../ingest/names.js'
import { referenceMaxLength, referencePattern } from '../../remote/referenced-images.js'
import { shownReference } from '../../remote/signed-addresses.js'
import type { Answered } from '../typed-app.js'
import { jsonText } from '../validation.js'
import { writeVector } from '../vector-json.js'
import { Base64Image, BinaryImage, exampleBase64, ImageUrl } from './image-body.js'
import { Metadata } from './metadata.js'
import { named, reference } from './named.js'
import { Cursor, ImageId, Label, limit } from './parameters.js'
import { shownVectorOrNull, type VectorFormat, vectorFormat } from './vector-format.js'

const NullableLabel = Type.Union([Label, Type.Null()], { description: 'null: unlabelled.' })

export const Image = named(
  'Image',
  Type.Object(
    {
      id: ImageId,
      label: NullableLabel,
      metadata: Metadata,
      unreadable: Type.Optional(
        Type.Enum(['metadata', 'record'], {
          type: 'string',
          description:
            '`metadata`: it was stored before limits existed, in a form that cannot be read, and is empty here and for filters; changing it or storing the picture again repairs that. `record`: the record is damaged on disk, and only the id is known; store the picture again, or delete it.',
        }),
      ),
      contentHash: Type.String({ description: 'SHA-256 of the picture file, hex.' }),
      reference: Type.Optional(
        Type.String({
          description:
            'Where its owner keeps the original: a URL, `s3://bucket/key`, or a file of a watched folder. The query of a URL is stored and used, but never shown: it may be a signature.',
        }),
      ),
      referenceHasQuery: Type.Optional(
        Type.Boolean({
          description: 'The reference has a query that is not shown. Only callers with the verb `admin` learn that.',
        }),
      ),
      modelId: Type.String({ description: 'The model that produced its embedding.' }),
      width: Type.Integer({ description: 'Pixels, upright.' }),
      height: Type.Integer({ description: 'Pixels, upright.' }),
      format: Type.String({ description: 'Detected from its bytes.' }),
      bytes: Type.Integer({ description: 'Size of the picture file.' }),
      createdAt: Type.String(),
      updatedAt: Type.String(),
      vector: Type.Optional(
        shownVectorOrNull(
          'With `include=vector`: its embedding by the model `modelId`, of unit length, in single precision. A search accepts it as `vector`. null: it is damaged on disk; store the picture again.',
        ),
      ),
    },
    {
      description:
        'A stored picture: its record, embedding and thumbnail. The file itself is stored, referenced, or neither, as the gallery’s `originals` says.',
      examples: [
        {
          id: 'cycling/Image_12.jpg',
          label: 'cycling',
          metadata: { taken: '2025-07-14' },
          contentHash: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
          modelId: '5d1c0a7b9e3f4a62',
          width: 1024,
          height: 683,
          format: 'jpeg',
          bytes: 148213,
          createdAt: '2026-03-01T09:31:07.120Z',
          updatedAt: '2026-03-01T09:31:07.120Z',
        },
      ],
    },
  ),
)

const Reference = Type.String({
  maxLength: referenceMaxLength,
  pattern: referencePattern,
  description:
    'Where you keep the picture exactly as it is sent: a URL on a host of `URL_ALLOWED_HOSTS`, or `s3://bucket/key` in `INGEST_S3_BUCKETS`; for S3 prefer the latter, because presigned URLs expire. Required in a gallery whose `originals` are `reference`, unless the picture is sent by `url`.',
  examples: ['s3://photos/2025/12.jpg'],
})

/** Sent with the picture, as query parameters or form fields. */
export const StoreParameters = Type.Object(
  {
    label: Type.Optional(Label),
    metadata: Type.Optional(
      Type.String({
        ...jsonText,
        maxLength: 65_536,
        description: 'A JSON object, as text.',
        examples: ['{"taken":"2025-07-14"}'],
      }),
    ),
    reference: Type.Optional(Reference),
  },
  { additionalProperties: false },
)
export const StoreForm = Type.Object({ image: BinaryImage, ...StoreParameters.properties })
export const StoreBody = Type.Object(
  {
    image: Type.Optional(Base64Image),
    url: Type.Optional(ImageUrl),
    label: Type.Optional(NullableLabel),
    metadata: Type.Optional(Metadata),
    reference: Type.Optional(Reference),
  },
  {
    additionalProperties: false,
    minProperties: 1,
    examples: [{ image: exampleBase64, label: 'cycling', metadata: { taken: '2025-07-14' } }],
  },
)

const include = (description: string) =>
  Type.Optional(Type.Array(Type.Enum(['vector'], { type: 'string' }), { maxItems: 10, description }))

export const ImageReadParameters = Type.Object(
  {
    include: include('Extras: its embedding.'),
    ...vectorFormat,
  },
  { additionalProperties: false },
)

export const ImageListParameters = Type.Object(
  {
    cursor: Type.Optional(Cursor),
    limit: limit(100, 1000),
    label: Type.Optional(
      Type.String({
        maxLength: labelMaxLength,
        description: 'Only pictures with this label; empty: only unlabelled ones.',
      }),
    ),
    filter: Type.Optional(
      Type.String({
        ...jsonText,
        maxLength: 65_536,
        description: `Only pictures that match this filter, as JSON text like that of a search. One page reads at most ${examinedMax.toLocaleString('en')} records, so it may be short, or empty, although more pages follow.`,
        examples: ['{"field":"metadata.year","gte":2015}', '{"field":"id","gte":"cycling/","lt":"cycling0"}'],
      }),
    ),
    include: include(
      'Extras for each picture: its embedding. All embeddings of a list are from one model: if the gallery switches to another one meanwhile, the next page is refused with `serving_changed`.',
    ),
    ...vectorFormat,
  },
  { additionalProperties: false },
)

/** Some pictures of a gallery, by what they are. */
export const SelectionParameters = Type.Object(
  {
    label: Type.Optional(
      Type.Array(Type.String({ maxLength: labelMaxLength }), {
        minItems: 1,
        maxItems: 100,
        description: 'Pictures with one of these labels; an empty string stands for unlabelled ones.',
        examples: [['draft']],
      }),
    ),
    filter: Type.Optional(
      Type.String({
        ...jsonText,
        maxLength: 65_536,
        description: 'Pictures that match this filter, as JSON text like that of a search.',
        examples: ['{"field":"metadata.year","lt":2015}'],
      }),
    ),
  },
  { additionalProperties: false },
)
export const ImageCount = Type.Object(
  { count: Type.Integer({ description: 'Number of pictures.' }) },
  { examples: [{ count: 214 }] },
)
export const Removal = Type.Object(
  { removed: Type.Integer({ description: 'Number of pictures deleted.' }) },
  { examples: [{ removed: 214 }] },
)
export const ChangedCount = Type.Object(
  { changed: Type.Integer({ description: 'Number of pictures that matched and have been changed.' }) },
  { examples: [{ changed: 214 }] },
)

export const ImageList = Type.Object({
  images: Type.Array(reference(Image), { description: 'By id, ascending.' }),
  nextCursor: Type.Optional(Cursor),
})

/**
 * @param grant of the caller; undefined if the service is open
 * @param format of its embedding, if it comes with one
 */
export function imageView(
  { thumbnailBytes: _thumbnailBytes, reference: stored, vector, ...record }: ListedImage,
  grant: Grant | undefined,
  format?: VectorFormat,
): Answered<typeof Image> {
  const shown = vector === undefined ? record : { ...record, vector: vector && writeVector(vector, format) }
  if (stored === undefined) return shown
  const { reference, hasQuery } = shownReference(stored)
  return { ...shown, reference, referenceHasQuery: (hasQuery && allows(grant, 'admin')) || undefined }
}
