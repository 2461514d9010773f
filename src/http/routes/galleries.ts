/** `/v1/galleries`: create, list, read and delete galleries. */
import { type Static, Type } from 'typebox'
import { reaches } from '../../access/grants.js'
import type { Config } from '../../config/config.js'
import { AlikeError, hasCode } from '../../errors.js'
import type { Galleries } from '../../gallery/galleries.js'
import type { Metadata } from '../../gallery/metadata.js'
import type { NewGalleryOptions } from '../../gallery/new-gallery.js'
import type { GalleryRecord } from '../../gallery/records.js'
import type { KeptQueries } from '../../originals/kept-queries.js'
import type { GalleryMoves } from '../../re-embedding/gallery-moves.js'
import type { AnswerBytes } from '../answer-bytes.js'
import { clientGone } from '../client-gone.js'
import { CreationHeaders } from '../conditions.js'
import { expectStorable } from '../json-body.js'
import { listInTurns } from '../json-in-turns.js'
import { ListCursors } from '../list-cursors.js'
import {
  Gallery,
  GalleryChangeBody,
  GalleryList,
  GalleryListParameters,
  GallerySettings,
  galleryView,
} from '../schemas/gallery.js'
import { reference } from '../schemas/named.js'
import { GalleryPath } from '../schemas/parameters.js'
import { problems } from '../schemas/problem.js'
import type { Answered, Routes, TypedApp } from '../typed-app.js'
import { invalidIn } from '../validation.js'

export interface GalleryRouteOptions {
  galleries: Galleries
  moves: Pick<GalleryMoves, 'of'>
  answers: AnswerBytes
  watch: { queries: Pick<KeptQueries, 'trim'> }
  config: Config
}

const tags = ['galleries']

export const galleryRoutes: Routes<GalleryRouteOptions> = async (app, options) => {
  listGalleries(app, options)
  createGallery(app, options)
  changeGallery(app, options)
  getGallery(app, options)
  deleteGallery(app, options)
}

function listGalleries(app: TypedApp, { galleries, answers }: GalleryRouteOptions): void {
  app.get(
    '/v1/galleries',
    {
      config: { role: 'read', galleries: 'own' },
      schema: {
        operationId: 'listGalleries',
        tags,
        summary: 'List galleries, page by page',
        querystring: GalleryListParameters,
        response: {
          200: {
            description:
              'One page, by name. It can have fewer entries than `limit` if they would exceed the maximum size of an answer: `nextCursor` tells whether more follow.',
            ...GalleryList,
          },
          ...problems(400),
        },
      },
    },
    async (request, reply) => {
      const { limit = 1_000, cursor } = request.query
      const { grant } = request
      const cursors = new ListCursors('galleries')
      const slices = galleries.slices({
        after: cursor === undefined ? '' : cursors.placeOf(cursor),
        limit,
        shows: grant?.galleries && ((name) => reaches(grant, name)),
      })
      const viewed = async function* () {
        for await (const { galleries: slice, next } of slices) {
          const entries = await Promise.all(slice.map((gallery) => viewOf(gallery, galleries)))
          yield { entries, nextCursor: next && cursors.at(next) }
        }
      }
      const onBytes = (bytes: number) => answers.of(reply).take(bytes)
      return listInTurns('galleries', viewed(), { reply, signal: clientGone(reply), onBytes })
    },
  )
}

function createGallery(app: TypedApp, { galleries, config }: GalleryRouteOptions): void {
  app.put(
    '/v1/galleries/:gallery',
    {
      config: { role: 'write' },
      schema: {
        operationId: 'createGallery',
        tags,
        summary: 'Create a gallery',
        description:
          'Creating one that already exists with the same settings changes nothing. With `If-None-Match: *` the answer is then 412. The body is optional.',
        params: GalleryPath,
        headers: CreationHeaders,
        body: { content: { 'application/json': { schema: GallerySettings } } },
        response: {
          200: { description: 'It already existed.', ...reference(Gallery) },
          201: { description: 'It was created.', ...reference(Gallery) },
          ...problems(400, 404, 409, 412, 415, 422, 429, 503, 507),
        },
      },
    },
    async (request, reply) => {
      const { 'if-none-match': onlyNew } = request.headers
      const { settings = {}, ...where } = (request.body ?? {}) as { settings?: Metadata } & NewGalleryOptions
      expectStorable(settings, config.metadataMaxBytes, { in: 'body', pointer: '/settings' })
      const { gallery, created } = await galleries.create(request.params.gallery, settings, where).catch((error) => {
        throw onlyNew !== undefined && hasCode(error, 'gallery_exists') ? new AlikeError('precondition_failed') : error
      })
      if (onlyNew !== undefined && !created) throw new AlikeError('precondition_failed')
      return reply.code(created ? 201 : 200).send(await viewOf(gallery, galleries)) // as created, whatever has changed since
    },
  )
}

function changeGallery(app: TypedApp, { galleries, watch }: GalleryRouteOptions): void {
  app.patch(
    '/v1/galleries/:gallery',
    {
      config: { role: 'admin' },
      schema: {
        operationId: 'changeGallery',
        tags,
        summary: 'Change what a gallery keeps, and how many pictures it may hold',
        description:
          'Applies to pictures stored from now on. Originals kept before remain usable, whatever `originals` becomes, until `releaseOriginals` releases them: they are then deleted, and their pictures cannot be embedded again unless they have a `reference`. Queries beyond a lower `keepQueries` are deleted at once; pictures beyond a lower `maxImages` stay.',
        params: GalleryPath,
        body: GalleryChangeBody,
        response: {
          200: { description: 'The gallery as it is now.', ...reference(Gallery) },
          ...problems(400, 404, 415, 429, 507),
        },
      },
    },
    async (request) => {
      const change = request.body as Static<typeof GalleryChangeBody>
      const { originals } = change.originals === undefined ? await galleries.rules(request.params.gallery) : change
      if (change.releaseOriginals === true && originals === 'keep')
        throw invalidIn('body')('releaseOriginals', 'does not go together with originals that are kept')
      const changed = await galleries.changeRules(request.params.gallery, change)
      await watch.queries.trim(changed.uid, changed.rules.keepQueries)
      return viewOf(changed, galleries)
    },
  )
}

function getGallery(app: TypedApp, { galleries, moves }: GalleryRouteOptions): void {
  app.get(
    '/v1/galleries/:gallery',
    {
      config: { role: 'read' },
      schema: {
        operationId: 'getGallery',
        tags,
        summary: 'Get a gallery',
        params: GalleryPath,
        response: { 200: { description: 'The gallery.', ...reference(Gallery) }, ...problems(400, 404) },
      },
    },
    async (request) => {
      const gallery = await galleries.listed(request.params.gallery)
      const move = gallery.unreadable === undefined ? await moves.of(gallery.name) : undefined
      return galleryView(gallery, await galleries.readings.of(gallery), move)
    },
  )
}

function deleteGallery(app: TypedApp, { galleries }: GalleryRouteOptions): void {
  app.delete(
    '/v1/galleries/:gallery',
    {
      config: { role: 'admin' },
      schema: {
        operationId: 'deleteGallery',
        tags,
        summary: 'Delete a gallery and every picture in it',
        params: GalleryPath,
        response: { 204: { description: 'It has been deleted.', ...Type.Null() }, ...problems(400, 404, 429, 507) },
      },
    },
    async (request, reply) => {
      await galleries.delete(request.params.gallery)
      return reply.code(204).send(null)
    },
  )
}

async function viewOf(gallery: GalleryRecord, galleries: Galleries): Promise<Answered<typeof Gallery>> {
  return galleryView(gallery, await galleries.readings.of(gallery))
}
