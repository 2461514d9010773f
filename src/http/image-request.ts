/**
 * Reads one or several pictures and their parameters from a request, in any of the three ways they can be sent: a raw
 * `image/*` body, a multipart form, base64 or a URL in JSON. Parameters in the query string apply to all; the body
 * takes precedence.
 */
import type { MultipartFile, MultipartValue } from '@fastify/multipart'
import type { FastifyRequest } from 'fastify'
import type { Static, TObject } from 'typebox'
import { bodyBounds, readJson } from '../bounded-json.js'
import type { Config } from '../config/config.js'
import { allOrNone } from '../embedding/all-or-none.js'
import { AlikeError, ignoring } from '../errors.js'
import { bytesOfBase64 } from '../image/base64.js'
import { readBounded } from '../ingest/read-bounded.js'
import type { RemoteImages } from '../remote/remote-images.js'
import { misfitOfDecoded } from '../text.js'
import { type BodyMemory, plainCopies } from './body-memory.js'
import { besideBytes, isJsonPart, isNamed, misfitOfPart, misfitOfUnknown } from './form-parts.js'
import { compileCheck, type Invalid, invalidIn, type Misfit, RequestInvalid, readTexts } from './validation.js'

export interface ImageRequest<Given> {
  /** Empty if the request contains none. */
  images: Buffer[]
  given: Given
  /** About a parameter where it was given (the body takes precedence), or could have been. */
  invalid: Invalid
}

/** What one route accepts. */
export interface ImageRequestOptions<Parameters extends TObject, Body extends TObject> {
  /** From the query string and the form fields. */
  parameters: Parameters
  /** From the JSON body; the picture is its member `image`, several are `images`; `url` and `urls` are fetched. */
  body: Body
  /** Pictures that a request may carry. Default 1. */
  imagesMax?: number
}

/** What all routes that read pictures share. */
export interface ImageReading {
  config: Pick<Config, 'uploadMaxBytes'>
  parts: { remote: RemoteImages }
  memory: BodyMemory
}

/** @returns a reader for one route; query string and JSON body were checked by the route's schema before it */
export function imageRequestReader<Parameters extends TObject, Body extends TObject>(
  { parameters, imagesMax = 1 }: ImageRequestOptions<Parameters, Body>,
  reading: ImageReading,
) {
  const checkForm = compileCheck(parameters, 'form')
  type Given = Static<Parameters> | Static<Body>

  return async (request: FastifyRequest, signal?: AbortSignal): Promise<ImageRequest<Given>> => {
    const query = request.query as Static<Parameters>
    if (request.isMultipart()) {
      const { images, fields } = await readForm(request, imagesMax, reading.config.uploadMaxBytes)
      const form = checkForm(readTexts(parameters, fields)) as Static<Parameters>
      return { images, given: { ...query, ...form }, invalid: invalidOf('form', form, query) }
    }
    if (Buffer.isBuffer(request.body)) return { images: [request.body], given: query, invalid: invalidIn('query') }
    const body = (request.body ?? {}) as Static<Body> & ImagesOfJson
    expectFewImages(body, imagesMax)
    return {
      images: await imagesOfJson(body, request, reading, signal),
      given: { ...query, ...body },
      invalid: invalidOf('body', body, query),
    }
  }
}

function invalidOf(carrier: Misfit['in'], carried: object, query: object): Invalid {
  return (name, detail) => {
    const isOfQuery = !Object.hasOwn(carried, name) && Object.hasOwn(query, name)
    return invalidIn(isOfQuery ? 'query' : carrier)(name, detail)
  }
}

export interface ImagesOfJson {
  image?: string
  images?: string[]
  url?: string
  urls?: string[]
}

/** @throws RequestInvalid for more than `max`, whichever members they are in */
export function expectFewImages({ image, images = [], url, urls = [] }: ImagesOfJson, max: number): void {
  if ([image, url].filter((one) => one !== undefined).length + images.length + urls.length <= max) return
  const detail = max === 1 ? 'has more than one picture' : `has more than ${max} pictures`
  throw new RequestInvalid([{ in: 'body', pointer: '', detail }])
}

/**
 * The pictures of `image` and `images`, then those fetched from `url` and `urls`, whose bytes count as memory of the
 * request.
 * @throws AlikeError `url_*`, `image_too_large`, `overloaded`
 */
export async function imagesOfJson(
  { image, images = [], url, urls = [] }: ImagesOfJson,
  request: FastifyRequest,
  { config: { uploadMaxBytes: maxBytes }, parts: { remote }, memory }: ImageReading,
  signal: AbortSignal | undefined,
): Promise<Buffer[]> {
  const held = memory.of(request)
  const decoded = [
    ...(image === undefined ? [] : [decodeBase64(image, maxBytes, '/image')]),
    ...images.map((text, i) => decodeBase64(text, maxBytes, `/images/${i}`)),
  ]
  const fetched = await allOrNone([url ?? [], urls].flat(), signal, (one, stop) =>
    remote.fetch(one, stop, (bytes) => held?.take(plainCopies * bytes)),
  )
  return [...decoded, ...fetched]
}

/** Reads every part to its end, even after an error: unread parts would block the connection. */
async function readForm(
  request: FastifyRequest,
  imagesMax: number,
  maxBytes: number,
): Promise<{ images: Buffer[]; fields: Record<string, unknown> }> {
  const fields: Record<string, unknown> = {}
  const misfits: Misfit[] = []
  const images: Buffer[] = []
  let bytes = 0
  for await (const part of request.parts()) {
    if (part.type === 'field' || isJsonPart(part)) {
      const { fieldname } = part
      const { value, misfit } = part.type === 'field' ? readTextPart(part) : await readJsonPart(part)
      if (misfit !== undefined) misfits.push(misfitOfPart(part, misfit))
      fields[fieldname] = fieldname in fields ? [fields[fieldname], value].flat() : value
      continue
    }
    const misfit = misfitOfFile(part, images.length === imagesMax)
    if (misfit === undefined) {
      const image = await readPart(part, maxBytes, bytes)
      bytes += image.length
      images.push(image)
    } else {
      misfits.push(misfitOfPart(part, misfit))
      part.file.resume()
    }
  }
  if (misfits.length > 0) throw new RequestInvalid(misfits)
  return { fields, images }
}

/** @param before bytes of the previous pictures */
async function readPart(part: MultipartFile, maxBytes: number, before: number): Promise<Buffer> {
  try {
    return await readBounded(part.file, maxBytes - before)
  } catch (error) {
    if (before === 0 || !(error instanceof AlikeError)) throw error
    throw new AlikeError('image_too_large', { detail: `Together they may be at most ${maxBytes} bytes.` })
  }
}

interface Field {
  value?: unknown
  misfit?: string | undefined
}

/** The parser truncates a value over the limit, and reports that only by a flag. */
function readTextPart(part: MultipartValue): Field {
  const value = part.value as string
  if (!isNamed(part)) return { misfit: 'has no name' }
  if (part.fieldname === 'image') return { misfit: misfitOfUnknown(part) }
  if (part.fieldnameTruncated || part.valueTruncated) return { misfit: 'is too long' }
  return { value, misfit: misfitOfDecoded(value) }
}

async function readJsonPart({ file }: MultipartFile): Promise<Field> {
  const bytes = await readBounded(file, besideBytes).catch(ignoring('image_too_large'))
  if (bytes === undefined) return { misfit: 'is too long' }
  return readJson(bytes, bodyBounds)
}

function misfitOfFile(part: MultipartFile, full: boolean): string | undefined {
  if (part.fieldname !== 'image') return 'is a file, but the picture is the field "image"'
  return full ? 'is there too often' : undefined
}

function decodeBase64(text: string, maxBytes: number, pointer: string): Buffer {
  const bytes = bytesOfBase64(text, maxBytes)
  if (bytes === undefined) throw new RequestInvalid([{ in: 'body', pointer, detail: 'is not base64' }])
  return bytes
}
