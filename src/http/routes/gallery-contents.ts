/** `/v1/galleries/{gallery}/labels`, `…/fields`: what labels and metadata the pictures of a gallery have. */
import { fieldBounds } from '../../gallery/fields.js'
import type { Galleries } from '../../gallery/galleries.js'
import { clientGone } from '../client-gone.js'
import { filterOf } from '../given-filter.js'
import { ListCursors } from '../list-cursors.js'
import { GalleryFields } from '../schemas/fields.js'
import { LabelCounts, LabelCountsParameters, labelsOfPage } from '../schemas/gallery.js'
import { ImageCount, SelectionParameters } from '../schemas/image.js'
import { reference } from '../schemas/named.js'
import { GalleryPath } from '../schemas/parameters.js'
import { problems } from '../schemas/problem.js'
import type { Routes, TypedApp } from '../typed-app.js'

export interface GalleryContentsOptions {
  galleries: Galleries
}

const tags = ['galleries']

export const galleryContentsRoutes: Routes<GalleryContentsOptions> = async (app, options) => {
  countImages(app, options)
  countLabels(app, options)
  listFields(app, options)
}

function countImages(app: TypedApp, { galleries }: GalleryContentsOptions): void {
  app.get(
    '/v1/galleries/:gallery/count',
    {
      config: { role: 'read' },
      schema: {
        operationId: 'countImages',
        tags,
        summary: 'Count the pictures that match',
        description: 'By `label`, by `filter`, or by both; without either, all of them.',
        params: GalleryPath,
        querystring: SelectionParameters,
        response: { 200: { description: 'How many.', ...ImageCount }, ...problems(400, 404, 429, 503) },
      },
    },
    async (request, reply) => {
      const { gallery } = request.params
      const filter = filterOf(request.query)
      if (filter === undefined) return { count: (await galleries.get(gallery)).count }
      return { count: await galleries.images.countFitting(gallery, filter, clientGone(reply)) }
    },
  )
}

function countLabels(app: TypedApp, { galleries }: GalleryContentsOptions): void {
  app.get(
    '/v1/galleries/:gallery/labels',
    {
      config: { role: 'read' },
      schema: {
        operationId: 'countLabels',
        tags,
        summary: 'Count the pictures of each label, page by page',
        params: GalleryPath,
        querystring: LabelCountsParameters,
        response: {
          200: { description: 'One page of the labels in the gallery, by label.', ...LabelCounts },
          ...problems(400, 404),
        },
      },
    },
    async (request) => {
      const { limit = labelsOfPage, cursor } = request.query
      const { gallery } = request.params
      const cursors = new ListCursors('labels', gallery)
      const after = cursor === undefined ? undefined : cursors.placeOf(cursor)
      const labels = await galleries.images.labels(gallery, { limit: limit + 1, after })
      const nextCursor = labels.length > limit ? cursors.at(labels[limit - 1]!.label ?? '') : undefined
      return { labels: labels.slice(0, limit), nextCursor }
    },
  )
}

function listFields(app: TypedApp, { galleries }: GalleryContentsOptions): void {
  app.get(
    '/v1/galleries/:gallery/fields',
    {
      config: { role: 'read' },
      schema: {
        operationId: 'listFields',
        tags,
        summary: 'List the fields of a gallery with their types and common values',
        description: `The fields that filters can use besides \`id\`. In a gallery of more than ${fieldBounds.images.toLocaleString('en')} pictures that many are examined, evenly spread, up to ${fieldBounds.length / 2 ** 20} MiB of metadata: rare fields and values may be missing.`,
        params: GalleryPath,
        response: { 200: { description: 'The fields.', ...reference(GalleryFields) }, ...problems(400, 404, 429) },
      },
    },
    async (request) => galleries.images.fields(request.params.gallery),
  )
}
