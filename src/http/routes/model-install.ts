/** `POST /v1/models`: installs a model at run time. */
import type { Readable } from 'node:stream'
import { Type } from 'typebox'
import type { Config } from '../../config/config.js'
import { unpackModel } from '../../embedding/model-archive.js'
import type { ServedModels } from '../../embedding/served-models.js'
import { AlikeError, ignoring } from '../../errors.js'
import type { UploadAdmission } from '../plugins/upload-admission.js'
import { Model, modelView } from '../schemas/model.js'
import { reference } from '../schemas/named.js'
import { problems } from '../schemas/problem.js'
import { streamedBody } from '../streamed-body.js'
import type { Routes } from '../typed-app.js'

export interface ModelInstallOptions {
  models: ServedModels
  uploads: UploadAdmission
  config: Config
}

const archiveTypes = ['application/x-tar', 'application/gzip', 'application/octet-stream'] as const
const archive = { schema: Type.Unsafe<Readable>({ type: 'string', format: 'binary' }) }

export const modelInstallRoutes: Routes<ModelInstallOptions> = async (app, { models, uploads, config }) => {
  app.removeAllContentTypeParsers() // JSON is no archive
  app.addContentTypeParser([...archiveTypes, 'application/x-gzip'], ({ raw }, _payload, done) =>
    done(null, streamedBody(raw)),
  )
  let installing = false
  app.post(
    '/v1/models',
    {
      config: { role: 'admin' }, // a model determines the meaning of every score
      bodyLimit: Number.MAX_SAFE_INTEGER, // `unpackModel` limits the unpacked size
      schema: {
        operationId: 'installModel',
        tags: ['models'],
        summary: 'Install a model',
        description:
          'A tar, plain or gzipped, of a folder written by training or an import. It is received at no less than `UPLOAD_MIN_BYTES_PER_SECOND` and checked as at the start of the service: schema, checksums, and its golden pictures on this machine. Galleries can then use it.',
        body: { content: Object.fromEntries(archiveTypes.map((type) => [type, archive])) },
        response: {
          200: {
            description: 'It was already installed; precisions that it lacked have been added.',
            ...reference(Model),
          },
          201: { description: 'It has been installed.', ...reference(Model) },
          ...problems(400, 408, 409, 413, 415, 422, 429, 503, 507),
        },
      },
    },
    async (request, reply) => {
      if (installing)
        throw new AlikeError('overloaded', { detail: 'A model is being installed.', retryAfterSeconds: 10 })
      const body = request.body as Readable | undefined
      if (body === undefined) throw new AlikeError('model_unreadable', { detail: 'The upload is empty.' })
      installing = true
      try {
        const fill = (folder: string) =>
          unpackModel(body, folder, { maxBytes: config.modelMaxBytes, signal: uploads.signalOf(request) })
        const { model, created } = await models.folders.install(fill, (draft) => models.prove(draft))
        // one that is in use gets to know its new files when it is next opened
        if (!created) await models.release(model.manifest.id).catch(ignoring('model_in_use'))
        if (created) reply.header('location', `/v1/models/${model.manifest.id}`)
        return reply.code(created ? 201 : 200).send(modelView(model, models))
      } finally {
        installing = false
      }
    },
  )
}
