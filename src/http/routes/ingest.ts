/** `POST /v1/galleries/{gallery}/ingest`: many pictures in one upload, ingested by a job. */
import { Readable } from 'node:stream'
import multipart, { type Multipart, type MultipartFile } from '@fastify/multipart'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { allows } from '../../access/grants.js'
import type { Config } from '../../config/config.js'
import { AlikeError } from '../../errors.js'
import type { Ingest } from '../../ingest/ingest.js'
import { labelMaxLength, misfitOfLabel } from '../../ingest/names.js'
import { readBounded, uploadTooLarge } from '../../ingest/read-bounded.js'
import type { UploadedFile } from '../../ingest/sources/files.js'
import { unlessAborted } from '../../ingest/unless-aborted.js'
import type { Upload } from '../../ingest/upload.js'
import { charactersIn, misfitOfDecoded } from '../../text.js'
import { sendJob } from '../accepted-job.js'
import { type BodyMemory, type HeldMemory, plainCopies } from '../body-memory.js'
import { whenGone } from '../client-gone.js'
import { isPartAFile, misfitOfPart, misfitOfUnknown, parserBytes, partsInTurn } from '../form-parts.js'
import { jobRoles } from '../job-roles.js'
import type { UploadAdmission } from '../plugins/upload-admission.js'
import { IngestAddresses, IngestForm, IngestLine, IngestParameters } from '../schemas/ingest.js'
import { Job } from '../schemas/job.js'
import { reference } from '../schemas/named.js'
import { GalleryPath } from '../schemas/parameters.js'
import { problems } from '../schemas/problem.js'
import { streamedBody } from '../streamed-body.js'
import type { Routes } from '../typed-app.js'
import { RequestInvalid } from '../validation.js'

export interface IngestRouteOptions {
  ingest: Ingest
  uploads: UploadAdmission
  memory: BodyMemory
  config: Config
}

const archiveTypes = [
  'application/x-tar',
  'application/gzip',
  'application/zstd',
  'application/zip',
  'application/octet-stream',
] as const
/** Other names in use for these types; the actual format is detected from the bytes. */
const archiveTypeAliases = [
  'application/tar',
  'application/x-gzip',
  'application/x-gtar',
  'application/x-compressed-tar',
  'application/x-zstd',
  'application/x-zip-compressed',
]
const linesType = 'application/x-ndjson'
/** RFC 2483. */
const addressesType = 'text/uri-list'
const linesTypeAliases = ['application/ndjson', 'application/jsonl', 'application/x-jsonlines']

const archive = {
  schema: Type.String({
    format: 'binary',
    description:
      'tar, tar.gz, tar.zst or zip. Folders are labels: `cycling/Image_12.jpg` becomes the id `cycling/Image_12.jpg` with the label `cycling`. A `manifest.csv` (`filename,label,id`, further columns are metadata) or `manifest.ndjson` (`file`, `label`, `id`, `metadata`) in the archive overrides that.',
  }),
}
const uploadBody = {
  content: {
    ...Object.fromEntries(archiveTypes.map((type) => [type, archive])),
    [linesType]: { schema: IngestLine },
    [addressesType]: { schema: IngestAddresses },
    'multipart/form-data': { schema: IngestForm },
  },
}
const Headers = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 200,
      description:
        'Uploading the same content again with the same key returns the job of the first upload; different content is refused (`idempotency_key_reused`).',
    }),
  ),
})

export const ingestRoutes: Routes<IngestRouteOptions> = async (app, { ingest, uploads, memory, config }) => {
  await acceptUploads(app, config)
  app.post(
    '/v1/galleries/:gallery/ingest',
    {
      config: { role: jobRoles.ingest },
      schema: {
        operationId: 'ingest',
        tags: ['jobs'],
        summary: 'Ingest many pictures',
        description:
          'The upload is an archive as the body, an archive as the form field `archive`, a form of many pictures, NDJSON with a picture to store, change or delete in each line, or a list of URLs to fetch. It is written to disk as it arrives, at no less than `UPLOAD_MIN_BYTES_PER_SECOND`, and then processed by a job; a bad picture becomes a line of the job’s error report. Pictures that are already stored are skipped.',
        params: GalleryPath,
        querystring: IngestParameters,
        headers: Headers,
        body: uploadBody,
        response: {
          202: { description: 'The upload is on disk; the job will process it.', ...reference(Job) },
          ...problems(400, 404, 408, 409, 413, 415, 422, 429, 503, 507),
        },
      },
    },
    async (request, reply) => {
      const signal = uploads.signalOf(request)
      const held = memory.hold()
      // anything still waiting for a part of a form
      whenGone(reply, held.end)
      const report = await ingest.accept({
        gallery: request.params.gallery,
        idempotencyKey: request.headers['idempotency-key'],
        // the first part of a form may never arrive
        content: await unlessAborted(contentOf(request, held, config), signal),
        signal,
        ...request.query,
        ...(isLines(request) && !allows(request.grant, 'delete') && { mayNotDelete: true as const }),
      })
      return sendJob(reply, report)
    },
  )
}

/** Bodies are passed on as streams, never buffered. */
async function acceptUploads(app: FastifyInstance, config: Config): Promise<void> {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    [...archiveTypes, ...archiveTypeAliases, linesType, ...linesTypeAliases, addressesType],
    ({ raw }, _payload, done) => done(null, streamedBody(raw)),
  )
  await app.register(multipart, {
    isPartAFile,
    preservePath: true,
    throwFileSizeLimit: false,
    highWaterMark: parserBytes,
    // Each picture is checked against `uploadMaxBytes` as it is read: a larger one is an error line, not the end of the upload.
    limits: {
      fileSize: config.ingestMaxBytes + 1, // the parser cuts off what exceeds it: more than allowed must arrive to be refused
      files: config.ingestMaxFiles,
      fields: config.ingestMaxFiles,
      parts: Infinity,
      fieldNameSize: 100,
      fieldSize: 4 * labelMaxLength,
      headerPairs: 50,
    },
  })
}

async function contentOf(request: FastifyRequest, held: HeldMemory, config: Config): Promise<Upload['content']> {
  if (!request.isMultipart()) {
    if (request.body === undefined || request.body === null)
      throw new AlikeError('image_missing', { detail: 'The upload is empty.' })
    expectBytes(Number(request.headers['content-length'] ?? 0), config)
    const body = request.body as Readable
    if (typeOf(request) === addressesType) return { addresses: body }
    return isLines(request) ? { lines: body } : { archive: body }
  }
  const parts = request.parts()
  const first = await parts.next()
  if (first.done === true) throw new AlikeError('image_missing', { detail: 'The form is empty.' })
  if (first.value.type === 'file' && first.value.fieldname === 'archive') {
    return { archive: Readable.from(onlyArchive(first.value, parts), { objectMode: false }) }
  }
  return { files: filesOf(partsInTurn(request.raw, first.value, parts), held, config) }
}

/** A body whose stated length is too large is not received first. @throws AlikeError `body_too_large` */
function expectBytes(stated: number, { ingestMaxBytes }: Config): void {
  if (stated > ingestMaxBytes) throw uploadTooLarge(ingestMaxBytes)
}

/** NDJSON cannot be recognised by its first bytes. */
function isLines(request: FastifyRequest): boolean {
  return [linesType, ...linesTypeAliases].includes(typeOf(request))
}

/** The content type without its parameters. */
function typeOf({ headers }: Pick<FastifyRequest, 'headers'>): string {
  return (headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase()
}

async function* onlyArchive(archive: MultipartFile, rest: AsyncIterator<Multipart>): AsyncGenerator<Buffer> {
  yield* archive.file as AsyncIterable<Buffer>
  if ((await rest.next()).done !== true) throw formMisfit(archive, 'must be alone in its form')
}

async function* filesOf(
  parts: AsyncIterable<Multipart>,
  held: HeldMemory,
  { uploadMaxBytes }: Config,
): AsyncGenerator<UploadedFile> {
  let label: string | undefined
  for await (const part of parts) {
    if (part.type === 'file') {
      if (part.fieldname === 'archive') throw formMisfit(part, 'must be alone in its form')
      try {
        const content = await readImage(part, uploadMaxBytes, (bytes) => held.take(plainCopies * bytes))
        const { filename = '' } = part as Partial<MultipartFile>
        // The parser replaces bytes that are not UTF-8 by U+FFFD, which would make one name of many.
        const isUnreadable = filename.includes('\ufffd')
        yield {
          path: filename === '' ? undefined : filename,
          label,
          content: isUnreadable ? { error: 'name_unreadable' } : content,
        }
      } finally {
        held.release() // when the next one is requested, this one is on disk
      }
      continue
    }
    const { value } = part
    if (part.fieldname !== 'label') throw formMisfit(part, misfitOfUnknown(part))
    if (typeof value !== 'string' || charactersIn(value) > labelMaxLength || part.valueTruncated)
      throw formMisfit(part, `must be a text of at most ${labelMaxLength} characters`)
    const misfit = misfitOfDecoded(value) ?? misfitOfLabel(value)
    if (misfit !== undefined) throw formMisfit(part, misfit)
    label = value === '' ? undefined : value
  }
}

async function readImage(
  part: MultipartFile,
  maxBytes: number,
  onBytes: (bytes: number) => void,
): Promise<UploadedFile['content']> {
  try {
    return await readBounded(part.file, maxBytes, onBytes)
  } catch (error) {
    if (error instanceof AlikeError && error.code !== 'overloaded') return { error: error.code }
    throw error
  }
}

function formMisfit(part: Multipart, detail: string): RequestInvalid {
  return new RequestInvalid([misfitOfPart(part, detail)])
}
