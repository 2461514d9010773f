/** Bulk uploads: their parameters and content types. */
import { Type } from 'typebox'
import { AddLine, DeleteLine, PatchLine } from '../../ingest/line-schemas.js'
import { litterRules } from '../../ingest/litter.js'
import { nameEncodings } from '../../ingest/name-encoding.js'
import { exampleBase64 } from './image-body.js'
import { JobWishes } from './job.js'
import { Label } from './parameters.js'

export const IngestParameters = Type.Object(
  {
    ...JobWishes,
    label: Type.Optional({
      ...Label,
      description:
        'Label of pictures that have none otherwise: whose path has no folder, or whose line or URL gives none.',
    }),
    nameEncoding: Type.Optional(
      Type.Enum([...nameEncodings], {
        type: 'string',
        description:
          'Encoding of names in an archive that does not declare one. Default: UTF-8, and code page 437 for a zip from Windows that is not UTF-8; a name that is neither becomes an error line.',
      }),
    ),
    manifestEncoding: Type.Optional(
      Type.Enum([...nameEncodings], {
        type: 'string',
        description:
          'Encoding of a CSV manifest. Default: UTF-8, or UTF-16 if it starts with a byte order mark, else `nameEncoding`.',
      }),
    ),
    litter: Type.Optional(
      Type.Enum([...litterRules], {
        type: 'string',
        description:
          'Files that desktops and network drives leave among pictures (`.DS_Store`, `Thumbs.db`, `@eaDir`, recycle bins, sidecars): ignored and counted as skipped, or treated like any other file. Default `skip`.',
      }),
    ),
  },
  { additionalProperties: false },
)
export const IngestForm = Type.Object({
  label: Type.Optional({
    ...Label,
    description: 'Label of the files that follow it in the form, up to the next `label`; an empty one clears it.',
  }),
  image: Type.Array(Type.String({ format: 'binary' }), {
    description:
      'The picture files. The file name (with folders) is the id; without a `label` field the last folder is the label.',
  }),
})

/** One line of an NDJSON upload. */
export const IngestLine = Type.Union([AddLine, PatchLine, DeleteLine], {
  description:
    'One JSON object per line, processed in order. Each is validated separately; an invalid one becomes a line of the error report.',
  examples: [
    { add: { id: 'cycling/Image_12.jpg', label: 'cycling', metadata: { year: 2024 }, image: exampleBase64 } },
    { add: { id: 'cycling/Image_13.jpg', label: 'cycling', url: 'https://images.example.com/13.jpg' } },
    { patch: { id: 'cycling/Image_8.jpg', label: 'running', metadata: { year: 2024 } } },
    { delete: { id: 'cycling/Image_9.jpg' } },
  ],
})

/** One URL per line. */
export const IngestAddresses = Type.String({
  description:
    'One URL per line, fetched from hosts that the service allows (`URL_ALLOWED_HOSTS`); lines that begin with `#` are comments. The id is host and path (`images.example.com/2024/a.jpg`), the label is the parameter `label`.',
  examples: ['https://images.example.com/2024/a.jpg\r\nhttps://images.example.com/2024/b.jpg\r\n'],
})

/** Pictures in a bucket. */
export const IngestFromS3 = Type.Object(
  {
    bucket: Type.String({ minLength: 3, maxLength: 63, description: 'One of `INGEST_S3_BUCKETS`.' }),
    prefix: Type.Optional(
      Type.String({
        maxLength: 1024,
        description:
          'Prefix of the keys. Ids are the keys without the part of the prefix up to its last `/`, labels the folder that contains the picture. Default: the whole bucket.',
      }),
    ),
  },
  { additionalProperties: false, examples: [{ bucket: 'photos', prefix: '2024/' }] },
)
export const IngestFromS3Parameters = Type.Object(
  {
    ...JobWishes,
    label: IngestParameters.properties.label,
    litter: IngestParameters.properties.litter,
  },
  { additionalProperties: false },
)
