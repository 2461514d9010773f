/** Parts of multipart forms: which are files, which are refused, and how many wait for their reader. */
import type { IncomingMessage } from 'node:http'
import type { Multipart, MultipartFile } from '@fastify/multipart'
import type { Misfit } from './validation.js'

/** Allowance for the fields of a form, and for the JSON around a base64 picture. */
export const besideBytes = 128 * 1024

/** For the parser: a file need not have a file name (RFC 7578, section 4.2). */
export function isPartAFile(
  _name: string | undefined,
  type: string | undefined,
  filename: string | undefined,
): boolean {
  return filename !== undefined || /^(image\/|application\/octet-stream$)/i.test(type ?? '')
}

/** A field that a client sends as JSON, with a file name or without. */
export function isJsonPart(part: Pick<MultipartFile, 'fieldname' | 'mimetype'>): boolean {
  return isNamed(part) && part.fieldname !== 'image' && isJson(part.mimetype)
}

export const isJson = (type = ''): boolean => /^application\/json\b/i.test(type)

/** A part may lack a name, although its type says otherwise. */
export function isNamed({ fieldname }: Pick<Multipart, 'fieldname'>): boolean {
  return (fieldname as string | undefined) !== undefined
}

/** Of a field that the route does not know. */
export function misfitOfUnknown({ fieldname }: Pick<Multipart, 'fieldname'>): string {
  return fieldname === 'image' ? 'is text instead of a file: with curl, write image=@FILE' : 'is unknown'
}

/** @param detail of a part with a name: one without is refused for that */
export function misfitOfPart(part: Pick<Multipart, 'fieldname'>, detail: string): Misfit {
  if (!isNamed(part)) return { in: 'form', pointer: '', detail: 'has a part without a name' }
  return { in: 'form', pointer: `/${part.fieldname}`, detail }
}

/**
 * Buffer of the parser for a form whose parts are read in turn: one that is as large as a chunk is full after each, and
 * resumes a body that was paused.
 */
export const parserBytes = 256 * 1024

/**
 * The parts of a form of any length. The parser hands out small parts as fast as they arrive, not as fast as they are
 * read: a million of them would take gigabytes. So the body pauses while parts are waiting.
 */
export function partsInTurn(
  body: IncomingMessage,
  first: Multipart,
  rest: AsyncIterator<Multipart>,
): AsyncGenerator<Multipart> {
  body.pause() // it may take a while until somebody reads
  return readInTurn(body, first, rest)
}

async function* readInTurn(
  body: IncomingMessage,
  first: Multipart,
  rest: AsyncIterator<Multipart>,
): AsyncGenerator<Multipart> {
  const { fields } = first
  const pauseIfAnyWait = () => {
    if (isAnyIn(fields)) body.pause()
  }
  // after the parser: a reader may take its time for a part that was the last to arrive
  body.on('data', pauseIfAnyWait)
  try {
    for (let part: Multipart | undefined = first; part !== undefined; part = await nextOf(rest)) {
      forget(part)
      // the last one that has arrived may not be complete
      if (!isAnyIn(fields)) body.resume()
      yield part
    }
  } finally {
    body.off('data', pauseIfAnyWait)
  }
}

const isAnyIn = (fields: object): boolean => Object.keys(fields).length > 0

/** Once it is read, it need not be where the parser collects all parts; those that remain there are waiting. */
function forget({ fields, fieldname }: Multipart): void {
  const ofName = fields[fieldname]
  if (Array.isArray(ofName) && ofName.length > 1) ofName.shift()
  else delete fields[fieldname]
}

async function nextOf(parts: AsyncIterator<Multipart>): Promise<Multipart | undefined> {
  const next = await parts.next()
  return next.done === true ? undefined : next.value
}
