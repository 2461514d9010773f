/** `/v1/models`: the installed models, what they run on, and how good they are. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { marked } from 'marked'
import { Type } from 'typebox'
import type { ServedModels } from '../../embedding/served-models.js'
import { AlikeError } from '../../errors.js'
import type { Galleries } from '../../gallery/galleries.js'
import { ModelCard, ModelList, ModelPath, modelView, PlotPath } from '../schemas/model.js'
import { reference } from '../schemas/named.js'
import { problems } from '../schemas/problem.js'
import type { Routes, TypedApp } from '../typed-app.js'

export interface ModelRouteOptions {
  models: ServedModels
  galleries: Galleries
}

const tags = ['models']

export const modelRoutes: Routes<ModelRouteOptions> = async (app, options) => {
  listModels(app, options)
  getModel(app, options)
  getModelCardPage(app, options)
  getModelPlot(app, options)
  removeModel(app, options)
}

function listModels(app: TypedApp, { models }: ModelRouteOptions): void {
  app.get(
    '/v1/models',
    {
      config: { role: 'read', galleries: 'none' },
      schema: {
        operationId: 'listModels',
        tags,
        summary: 'List the installed models',
        response: { 200: { description: 'The models.', ...ModelList } },
      },
    },
    async () => ({ models: models.folders.list().map((model) => modelView(model, models)) }),
  )
}

function getModel(app: TypedApp, { models }: ModelRouteOptions): void {
  app.get(
    '/v1/models/:model',
    {
      config: { role: 'read', galleries: 'none' },
      schema: {
        operationId: 'getModel',
        tags,
        summary: 'Read a model’s model card',
        params: ModelPath,
        response: { 200: { description: 'The model card.', ...reference(ModelCard) }, ...problems(400, 404) },
      },
    },
    async (request) => {
      const model = models.folders.get(request.params.model)
      const { manifest, folder } = model
      return { ...modelView(model, models), manifest, quality: await readQuality(folder) }
    },
  )
}

function getModelCardPage(app: TypedApp, { models }: ModelRouteOptions): void {
  app.get(
    '/v1/models/:model/card',
    {
      config: { role: 'read', galleries: 'none' },
      schema: {
        operationId: 'getModelCardPage',
        tags,
        summary: 'Read a model’s model card as a page',
        params: ModelPath,
        response: {
          200: { description: 'The page.', content: { 'text/html': { schema: Type.String() } } },
          ...problems(400, 404),
        },
      },
    },
    async (request, reply) => {
      const { folder, manifest } = models.folders.get(request.params.model)
      const card = await readPart(join(folder, 'model-card.md'))
      return reply.type('text/html; charset=utf-8').send(page(manifest.name, await marked.parse(card)))
    },
  )
}

function getModelPlot(app: TypedApp, { models }: ModelRouteOptions): void {
  app.get(
    '/v1/models/:model/plots/:plot',
    {
      config: { role: 'read', galleries: 'none' },
      schema: {
        operationId: 'getModelPlot',
        tags,
        summary: 'Read a plot of a model card',
        params: PlotPath,
        response: {
          200: { description: 'The plot.', content: { 'image/svg+xml': { schema: Type.String() } } },
          ...problems(400, 404),
        },
      },
    },
    async (request, reply) => {
      const { folder } = models.folders.get(request.params.model)
      return reply.type('image/svg+xml').send(await readPart(join(folder, 'plots', request.params.plot)))
    },
  )
}

/** A model can be installed without a card. */
async function readPart(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new AlikeError('model_card_missing', { cause })
  }
}

/** The card is our own text and comes with the model: nothing in it is untrusted. */
function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}table{border-collapse:collapse}td,th{border:1px solid #ccc;padding:.2rem .6rem;text-align:left}img{max-width:100%}</style>
</head><body>${body}</body></html>
`
}

/** A model can be installed without quality numbers. */
async function readQuality(folder: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(join(folder, 'metrics.json'), 'utf8'))
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw new AlikeError('model_unreadable', { detail: 'metrics.json cannot be read.', cause })
  }
}

function removeModel(app: TypedApp, { models, galleries }: ModelRouteOptions): void {
  app.delete(
    '/v1/models/:model',
    {
      config: { role: 'admin' },
      schema: {
        operationId: 'removeModel',
        tags,
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
