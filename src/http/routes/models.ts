/** `/v1/models`: the network that is served, on what it runs, and how good it is. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Embedder } from '../../embedding/embedder.js'
import { AlikeError } from '../../errors.js'
import { ModelCard, ModelList, ModelPath } from '../schemas/model.js'
import { reference } from '../schemas/named.js'
import { problems } from '../schemas/problem.js'

export interface ModelRouteOptions {
  embedder: Embedder
}

export const modelRoutes: FastifyPluginAsyncTypebox<ModelRouteOptions> = async (app, { embedder }) => {
  const tags = ['models']

  app.get('/v1/models', {
    schema: {
      operationId: 'listModels',
      tags,
      summary: 'List the networks that are served',
      response: { 200: { description: 'The networks.', ...ModelList } },
    },
  }, async () => ({ models: [modelView(embedder)] }))

  app.get('/v1/models/:model', {
    schema: {
      operationId: 'getModel',
      tags,
      summary: 'Read a network’s model card',
      params: ModelPath,
      response: { 200: { description: 'The model card.', ...reference(ModelCard) }, ...problems(404) },
    },
  }, async (request) => {
    const { manifest, folder } = embedder.model
    if (![manifest.id, manifest.name].includes(request.params.model)) throw new AlikeError('model_not_found')
    return { ...modelView(embedder), manifest, quality: await readQuality(folder) }
  })
}

function modelView({ model: { manifest }, runtime }: Embedder) {
  const { id, name, architecture, embeddingDimension, labels, createdAt } = manifest
  return { id, name, architecture, embeddingDimension, labels, createdAt, runtime: { ...runtime, batchSizes: [...runtime.batchSizes] } }
}

/** A network can be served without its quality having been measured. */
async function readQuality(folder: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(join(folder, 'metrics.json'), 'utf8'))
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw new AlikeError('model_unreadable', { detail: 'metrics.json can not be read.', cause })
  }
}
