/**
 * Messages between the service and a decoder process. The service trusts a decoder no more than the picture it decodes:
 * replies are checked against the request.
 */
import { descriptorBytes } from '../copies/copy-descriptor.js'
import { AlikeError, catalogue, type ErrorCode } from '../errors.js'
import { acceptedFormats, type ImageFormat } from './formats.js'
import type { FrameBounds } from './frames.js'
import type { DecodedImage, ImageWork } from './image-work.js'

/** The body holds the bytes of the picture. */
export interface DecoderRequest {
  call: number
  work: ImageWork
  /** Reserved memory: a picture that needs more is not decoded. */
  grantedBytes: number
}

/** `neededBytes`: more than was granted. The body holds the bytes of `made`, in the order of its fields. */
export type DecoderReply =
  | { ready: true }
  | { call: number; neededBytes: number }
  | { call: number; error: { code: ErrorCode; detail?: string | undefined; reason: string } }
  | { call: number; made: MadeImage }

export interface MadeImage {
  width: number
  height: number
  format: ImageFormat
  /** Lengths in bytes. */
  views: number[]
  copyDescriptor?: number | undefined
  thumbnail?: number | undefined
}

/** Bounds for a decoder, which trusts the service; it replies with at most 4 views of 1,024 pixels and a thumbnail. */
export const requestBounds: FrameBounds = { headerMaxBytes: 2 ** 20, bodyMaxBytes: 2 ** 31 }
export const replyBounds: FrameBounds = { headerMaxBytes: 2 ** 16, bodyMaxBytes: 32 * 2 ** 20 }

export function replyOf(
  call: number,
  { views, describe, thumbnail, width, height, format }: DecodedImage,
): { header: DecoderReply; body: Uint8Array[] } {
  const copyDescriptor = describe?.()
  const made = {
    width,
    height,
    format,
    views: views.map(({ length }) => length),
    copyDescriptor: copyDescriptor?.length,
    thumbnail: thumbnail?.length,
  }
  return { header: { call, made }, body: [...views, copyDescriptor, thumbnail].filter((part) => part !== undefined) }
}

export function errorReplyOf(call: number, error: unknown): DecoderReply {
  const reason = error instanceof Error ? (error.stack ?? error.message) : String(error)
  if (!(error instanceof AlikeError)) return { call, error: { code: 'internal', reason } }
  const { code, detail, cause } = error
  return {
    call,
    error: { code, detail, reason: cause instanceof Error ? `${reason}\ncaused by ${cause.stack}` : reason },
  }
}

export function errorOf({ code, detail, reason }: { code: unknown; detail?: unknown; reason: unknown }): AlikeError {
  const known = typeof code === 'string' && Object.hasOwn(catalogue, code) ? (code as ErrorCode) : 'internal'
  return new AlikeError(known, { ...(typeof detail === 'string' && { detail }), cause: new Error(String(reason)) })
}

/** @throws RangeError if it does not match the request */
export function imageOf(made: MadeImage, body: Buffer<ArrayBuffer>, work: ImageWork): DecodedImage {
  const { width, height, format, views: viewBytes, copyDescriptor, thumbnail } = made
  expect(isCount(width) && isCount(height) && acceptedFormats.includes(format))
  expect(
    Array.isArray(viewBytes) &&
      viewBytes.every((bytes) => bytes === bytesOfView(work)) &&
      viewBytes.length === viewsOf(work),
  )
  expect(descriptorLengths(work).includes(copyDescriptor))
  let at = 0
  const next = (bytes: number) => {
    expect(Number.isSafeInteger(bytes) && bytes >= 0 && at + bytes <= body.length)
    at += bytes
    return body.subarray(at - bytes, at)
  }
  const views = viewBytes.map(next)
  // small and kept longer than the pixels, so they get buffers of their own; those of `Buffer.from` lie in a shared pool,
  // and whoever posts one to a thread would post the pool
  const [descriptor, small] = [copyDescriptor, thumbnail].map((bytes) =>
    bytes === undefined ? undefined : new Uint8Array(next(bytes)),
  )
  expect(at === body.length)
  return {
    width,
    height,
    format,
    views,
    ...(descriptor && { describe: () => descriptor }),
    ...(small && { thumbnail: small }),
  }
}

/** @throws RangeError if it is not more than was granted: the account of memory would be wrong from then on */
export function neededOf(neededBytes: unknown, grantedBytes: number): { neededBytes: number } {
  expect(typeof neededBytes === 'number' && neededBytes > grantedBytes)
  return { neededBytes: neededBytes as number }
}

function viewsOf(work: ImageWork): number {
  return work.kind === 'prepare' ? (work.options.views ?? 1) : 0
}

function bytesOfView(work: ImageWork): number {
  return work.kind === 'prepare' ? work.options.preprocessing.inputSize ** 2 * 3 : 0
}

/** A picture without features has an empty one. */
function descriptorLengths(work: ImageWork): readonly (number | undefined)[] {
  return work.kind === 'describe' || work.options.copies === true ? [0, descriptorBytes] : [undefined]
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) > 0
}

function expect(condition: boolean): void {
  if (!condition) throw new RangeError('a decoder answered what it was not asked')
}
