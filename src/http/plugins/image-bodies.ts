/** Lets the routes of a scope accept pictures: raw, in a form, in JSON. Every part has its limit. */
import multipart from '@fastify/multipart'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { bodyBytes, jsonCopies, plainCopies } from '../body-memory.js'
import { besideBytes, isJson, isPartAFile } from '../form-parts.js'
import { acceptJson } from '../json-body.js'

const fieldsMax = 32
const partsMax = fieldsMax + 9

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
    // JSON, too, because the parser does not know our bounds for it; so every part may be a file
    isPartAFile: (name, type, filename) => isPartAFile(name, type, filename) || isJson(type),
    // fields, and one picture more than any route accepts, so that an excess one is reported and not just truncated
    limits: {
      fileSize: uploadMaxBytes,
      files: partsMax,
      fields: fieldsMax,
      parts: partsMax,
      fieldNameSize: 100,
      fieldSize: besideBytes,
      headerPairs: 50,
    },
  })
}

/** Memory that such a body takes while its request is in progress. */
export function imageBodyMemory(request: FastifyRequest, { uploadMaxBytes }: { uploadMaxBytes: number }): number {
  const type = request.headers['content-type'] ?? ''
  if (isJson(type)) return jsonCopies * bodyBytes(request, jsonMaxBytes(uploadMaxBytes))
  return plainCopies * bodyBytes(request, uploadMaxBytes + besideBytes)
}

function jsonMaxBytes(uploadMaxBytes: number): number {
  return Math.ceil(uploadMaxBytes / 3) * 4 + besideBytes
}
