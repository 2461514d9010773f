/** `GET /v1/galleries/{gallery}/images/{id}/original`: a picture's original file, whole or in part. */
import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import parseRange from 'range-parser'
import { Type } from 'typebox'
import { AlikeError, ignoring } from '../../errors.js'
import type { Galleries } from '../../gallery/galleries.js'
import type { ImageRecord } from '../../gallery/records.js'
import type { References } from '../../originals/image-originals.js'
import type { ByteRange, OriginalStore } from '../../originals/original-store.js'
import type { BodyMemory } from '../body-memory.js'
import { clientGone, whenGone } from '../client-gone.js'
import { expectMatch, isKnown } from '../conditions.js'
import { ImagePath } from '../schemas/parameters.js'
import { problems } from '../schemas/problem.js'
import type { Routes } from '../typed-app.js'

export interface OriginalRouteOptions {
  galleries: Galleries
  originals?: OriginalStore | undefined
  references?: References | undefined
  memory: BodyMemory
}

/** A located original: its size and how to read it. */
interface Found {
  size: number
  read(range: ByteRange): Promise<Readable | Buffer>
  /** As far as that is known without reading it. @throws AlikeError as `read` */
  expectReadable(): Promise<void>
}
/** With these the store does not return it, but the reference may. */
const unreadableCodes = ['original_unreadable'] as const
/** How long an unresponsive S3 store is retried while a caller waits. */
const patienceMs = 5_000

const mediaTypes: Record<string, string> = { jpeg: 'image/jpeg', svg: 'application/octet-stream', jxl: 'image/jxl' }
const binary = Type.Unsafe<Readable | Buffer>({ type: 'string', format: 'binary' })

export const originalRoutes: Routes<OriginalRouteOptions> = async (app, options) => {
  app.get(
    '/v1/galleries/:gallery/images/:id/original',
    {
      config: { role: 'read' },
      schema: {
        operationId: 'getOriginal',
        tags: ['images'],
        summary: 'Get a picture’s original file',
        description:
          'Supports byte `Range`, `If-Match`, `If-None-Match` and `If-Range`. If the original is not kept, or its store has archived it or denies it, but the picture has a `reference`, it is fetched from there and returned only if it is unchanged, otherwise refused with `original_changed` (HEAD compares only the size). Without a reference the error is `original_not_kept` or, if the store archived or denies it, `original_unreadable`.',
        params: ImagePath,
        response: {
          200: { description: 'The whole file.', content: { 'image/*': { schema: binary } } },
          206: { description: 'The requested range.', content: { 'image/*': { schema: binary } } },
          304: { description: 'It still matches the `If-None-Match` header.', ...Type.Null() },
          ...problems(400, 404, 409, 412, 416, 422, 429),
        },
      },
    },
    async (request, reply) => {
      const { found, contentHash, format } = await locate(request.params, options, reply)
      const { size } = found
      const etag = `"${contentHash}"`
      expectMatch(request.headers['if-match'], etag)
      const isHere = isKnown(request.headers['if-none-match'], etag)
      const range = isHere ? undefined : rangeOf(request, size, etag, reply)
      const { first, last } = range ?? { first: 0, last: size - 1 }
      // headers of the picture must not appear on a refusal
      const bytes = isHere ? null : await bytesFor(request, found, { first, last })
      reply.header('etag', etag).header('cache-control', 'private, no-cache').header('accept-ranges', 'bytes')
      if (bytes === null) return reply.code(304).send(null)
      if (range !== undefined) reply.code(206).header('content-range', `bytes ${first}-${last}/${size}`)
      return reply
        .type(mediaTypes[format] ?? `image/${format}`)
        .header('content-length', last - first + 1)
        .send(bytes)
    },
  )
}

/** HEAD returns none: a large file in its owner's storage would be fetched to be thrown away. */
async function bytesFor({ method }: FastifyRequest, found: Found, range: ByteRange): Promise<Readable | Buffer> {
  if (method !== 'HEAD') return found.read(range)
  await found.expectReadable()
  return Readable.from([])
}

/** @throws AlikeError `image_not_found`, `original_not_kept` */
async function locate(
  { gallery, id }: { gallery: string; id: string },
  options: OriginalRouteOptions,
  reply: FastifyReply,
): Promise<{ found: Found } & Pick<ImageRecord, 'contentHash' | 'format'>> {
  const { galleries } = options
  const record = await galleries.images.get(gallery, id)
  if (record === undefined) throw new AlikeError('image_not_found')
  const { contentHash, format } = record
  const { holdsOriginals } = await galleries.rules(gallery)
  const referred = referredTo(record, options, reply)
  const tolerated = referred === undefined ? [] : unreadableCodes
  const held = holdsOriginals ? await kept(record, options).catch(ignoring(...tolerated)) : undefined
  const found = orElse(held, referred)
  if (found === undefined) throw new AlikeError('original_not_kept')
  return { found, contentHash, format }
}

/** What is kept, unless its store does not return it and there is a reference. */
function orElse(kept: Found | undefined, referred: Found | undefined): Found | undefined {
  if (kept === undefined || referred === undefined) return kept ?? referred
  const read: Found['read'] = async (range) =>
    (await kept.read(range).catch(ignoring(...unreadableCodes))) ?? referred.read(range)
  const expectReadable = async () => {
    const isKept = await kept.expectReadable().then(() => true, ignoring(...unreadableCodes))
    if (isKept !== true) await referred.expectReadable()
  }
  return { ...kept, read, expectReadable }
}

async function kept({ contentHash }: ImageRecord, { originals }: OriginalRouteOptions): Promise<Found | undefined> {
  const size = await originals?.size(contentHash)
  if (originals === undefined || size === undefined) return undefined
  return {
    size,
    read: (range) => originals.read(contentHash, range),
    // a store may state the size of what it has archived
    async expectReadable() {
      const bytes = await originals.read(contentHash, { first: 0, last: 0 })
      bytes.on('error', () => {}).destroy()
    },
  }
}

/** Read completely for any range, because only the whole can be verified to be unchanged; for HEAD its size has to do. */
function referredTo(
  { contentHash, reference, bytes: size }: ImageRecord,
  { references, memory }: OriginalRouteOptions,
  reply: FastifyReply,
): Found | undefined {
  if (reference === undefined || references === undefined) return undefined
  return {
    size,
    async read({ first, last }) {
      const held = memory.hold()
      whenGone(reply, () => held.release())
      held.take(size)
      const signal = clientGone(reply)
      const bytes = await references.fetch(reference, { contentHash, bytes: size, signal, patienceMs })
      return bytes.subarray(first, last + 1)
    },
    expectReadable: () => references.expectSize(reference, size, { signal: clientGone(reply), patienceMs }),
  }
}

/**
 * Multiple ranges, and those in other units, are answered with the whole picture.
 * @throws AlikeError `range_not_satisfiable`, with the header that says what would be
 */
function rangeOf(
  { headers, method }: FastifyRequest,
  size: number,
  etag: string,
  reply: FastifyReply,
): ByteRange | undefined {
  if (headers.range === undefined || method !== 'GET') return undefined
  // the parser calls a suffix that is longer than the file unsatisfiable; it is all of it (RFC 9110, section 14.1.2)
  if (Number(/^bytes=-(\d+)$/.exec(headers.range)?.[1] ?? 0) >= size) return undefined
  const condition = headers['if-range']
  if (condition !== undefined && condition !== etag) return undefined
  const ranges = parseRange(size, headers.range, { combine: true })
  if (ranges === -1) {
    reply.header('content-range', `bytes */${size}`)
    throw new AlikeError('range_not_satisfiable', { detail: `The picture has ${size} bytes.` })
  }
  if (ranges === -2 || ranges.type !== 'bytes' || ranges.length !== 1) return undefined
  return { first: ranges[0]!.start, last: ranges[0]!.end }
}
