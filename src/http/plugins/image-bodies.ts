/** Lets the routes of a scope take pictures: raw, in a form, in JSON. Every part has its bound. */
import multipart from '@fastify/multipart'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { bodyBytes, jsonCopies, plainCopies } from '../body-memory.js'
import { acceptJson } from '../json-body.js'

/** Room for the JSON around a picture in base64, and for the fields of a form. */
const besideBytes = 128 * 1024

export async function acceptImages(
  scope: FastifyInstance,
  { uploadMaxBytes }: { uploadMaxBytes: number },
): Promise<void> {
  scope.removeAllContentTypeParsers()

  const raw = { parseAs: 'buffer', bodyLimit: uploadMaxBytes } as const
  scope.addContentTypeParser(/^image\//, raw, (_request, body, done) => done(null, body))
  scope.addContentTypeParser('application/octet-stream', raw, (_request, body, done) => done(null, body))

  acceptJson(scope, { bodyLimit: jsonMaxBytes(uploadMaxBytes) })

  await scope.register(multipart, {
    // one file more than any route takes, so that one too many is told about and not only cut off
    limits: {
      fileSize: uploadMaxBytes,
      files: 9,
      fields: 32,
      parts: 41,
      fieldNameSize: 100,
      fieldSize: besideBytes,
      headerPairs: 50,
    },
  })
}

/** Memory that such a body takes while its request is at work. */
export function imageBodyMemory(request: FastifyRequest, { uploadMaxBytes }: { uploadMaxBytes: number }): number {
  const type = request.headers['content-type'] ?? ''
  if (/^application\/json\b/i.test(type)) return jsonCopies * bodyBytes(request, jsonMaxBytes(uploadMaxBytes))
  return plainCopies * bodyBytes(request, uploadMaxBytes + besideBytes)
}

function jsonMaxBytes(uploadMaxBytes: number): number {
  return Math.ceil(uploadMaxBytes / 3) * 4 + besideBytes
}
