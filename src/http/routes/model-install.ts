/** `POST /v1/models`, `DELETE /v1/models/{model}`: install and remove models at run time. */
import type { Readable } from 'node:stream'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Config } from '../../config/config.js'
import { unpackModel } from '../../embedding/model-archive.js'
import type { ServedModels } from '../../embedding/served-models.js'
import { AlikeError } from '../../errors.js'
import type { Galleries } from '../../gallery/galleries.js'
import { Model, ModelPath, modelView } from '../schemas/model.js'
import { reference } from '../schemas/named.js'
import { problems } from '../schemas/problem.js'
import type { TypedApp } from '../typed-app.js'

export interface ModelRouteOptions {
  models: ServedModels
  galleries: Galleries
  config: Config
}

const archiveTypes = ['application/x-tar', 'application/gzip', 'application/octet-stream'] as const
const archive = { schema: Type.Unsafe<Readable>({ type: 'string', format: 'binary' }) }
// A model determines the meaning of every score.
const admin = { role: 'admin' } as const

export const modelInstallRoutes: FastifyPluginAsyncTypebox<ModelRouteOptions> = async (app, options) => {
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers() // JSON is no archive
    scope.addContentTypeParser([...archiveTypes, 'application/x-gzip'], (_request, payload, done) =>
      done(null, payload),
    )
    installModel(scope, options)
  })
  removeModel(app, options)
}

function installModel(app: TypedApp, { models, config }: ModelRouteOptions): void {
  let installing = false
  app.post(
    '/v1/models',
    {
      config: admin,
      bodyLimit: Number.MAX_SAFE_INTEGER, // `unpackModel` limits the unpacked size
      schema: {
        operationId: 'installModel',
        tags: ['models'],
        summary: 'Install a model',
        description:
          'A tar, plain or gzipped, of a folder written by the training job. It is checked like at the start of the service: schema, checksums, and its golden pictures on this machine. Galleries can then use it.',
        body: { content: Object.fromEntries(archiveTypes.map((type) => [type, archive])) },
        response: {
          200: { description: 'It was already installed.', ...reference(Model) },
          201: { description: 'It has been installed.', ...reference(Model) },
          ...problems(400, 409, 413, 415, 422, 429, 503, 507),
        },
      },
    },
    async (request, reply) => {
      if (installing)
        throw new AlikeError('overloaded', { detail: 'A model is being installed.', retryAfterSeconds: 10 })
      if (request.body === undefined) throw new AlikeError('model_unreadable', { detail: 'The upload is empty.' })
      installing = true
      try {
        const fill = (folder: string) => unpackModel(request.body as Readable, folder, config.modelMaxBytes)
        const { model, created } = await models.folders.install(fill, (draft) => models.prove(draft))
        if (created) reply.header('location', `/v1/models/${model.manifest.id}`)
        return reply.code(created ? 201 : 200).send(modelView(model, models))
      } finally {
        installing = false
      }
    },
  )
}

function removeModel(app: TypedApp, { models, galleries }: ModelRouteOptions): void {
  app.delete(
    '/v1/models/:model',
    {
      config: admin,
      schema: {
        operationId: 'removeModel',
        tags: ['models'],
        summary: 'Delete a model that no gallery uses',
        params: ModelPath,
        response: { 204: { description: 'It has been deleted.', ...Type.Null() }, ...problems(400, 404, 409) },
      },
    },
    async (request, reply) => {
      const { manifest } = models.folders.get(request.params.model)
      const user = await galleries.sets.userOf(manifest.id)
      if (user !== undefined) throw new AlikeError('model_in_use', { detail: `The gallery ${user} uses it.` })
      await models.release(manifest.id)
      await models.folders.remove(manifest.id)
      return reply.code(204).send(null)
    },
  )
}
