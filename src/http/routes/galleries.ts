/** `/v1/galleries`: make, list, look at and delete galleries. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Galleries } from '../../gallery/galleries.js'
import type { Metadata } from '../../gallery/records.js'
import { Gallery, GalleryList, GallerySettings, galleryView, LabelCounts } from '../schemas/gallery.js'
import { reference } from '../schemas/named.js'
import { GalleryPath } from '../schemas/parameters.js'
import { problems } from '../schemas/problem.js'

export interface GalleryRouteOptions {
  galleries: Galleries
}

export const galleryRoutes: FastifyPluginAsyncTypebox<GalleryRouteOptions> = async (app, { galleries }) => {
  const view = (name: string) => galleryView(galleries.get(name), galleries.readings().find(({ gallery }) => gallery === name))
  const tags = ['galleries']

  app.get('/v1/galleries', {
    config: { role: 'read' },
    schema: {
      operationId: 'listGalleries',
      tags,
      summary: 'List all galleries',
      response: { 200: { description: 'All galleries, by name.', ...GalleryList } },
    },
  }, async () => {
    const readings = new Map(galleries.readings().map((reading) => [reading.gallery, reading]))
    return { galleries: galleries.list().map((gallery) => galleryView(gallery, readings.get(gallery.name))) }
  })

  app.put('/v1/galleries/:gallery', {
    config: { role: 'write' },
    schema: {
      operationId: 'createGallery',
      tags,
      summary: 'Make a gallery',
      description: 'Making one that exists with the same settings changes nothing. The body can be left out.',
      params: GalleryPath,
      body: { content: { 'application/json': { schema: GallerySettings } } },
      response: {
        200: { description: 'It existed already.', ...reference(Gallery) },
        201: { description: 'It was made.', ...reference(Gallery) },
        ...problems(400, 409, 415, 429, 507),
      },
    },
  }, async (request, reply) => {
    const { settings = {} } = (request.body ?? {}) as { settings?: Metadata }
    const { gallery, created } = await galleries.create(request.params.gallery, settings)
    return reply.code(created ? 201 : 200).send(view(gallery.name))
  })

  app.get('/v1/galleries/:gallery', {
    config: { role: 'read' },
    schema: {
      operationId: 'getGallery',
      tags,
      summary: 'Look at a gallery',
      params: GalleryPath,
      response: { 200: { description: 'The gallery.', ...reference(Gallery) }, ...problems(400, 404) },
    },
  }, async (request) => view(request.params.gallery))

  app.delete('/v1/galleries/:gallery', {
    config: { role: 'admin' },
    schema: {
      operationId: 'deleteGallery',
      tags,
      summary: 'Delete a gallery and every picture in it',
      params: GalleryPath,
      response: { 204: { description: 'It is gone.', ...Type.Null() }, ...problems(400, 404, 429, 507) },
    },
  }, async (request, reply) => {
    await galleries.delete(request.params.gallery)
    return reply.code(204).send(null)
  })

  app.get('/v1/galleries/:gallery/labels', {
    config: { role: 'read' },
    schema: {
      operationId: 'countLabels',
      tags,
      summary: 'Count the pictures of each label',
      params: GalleryPath,
      response: { 200: { description: 'Every label in the gallery.', ...LabelCounts }, ...problems(400, 404) },
    },
  }, async (request) => ({ labels: await galleries.labels(request.params.gallery) }))
}
