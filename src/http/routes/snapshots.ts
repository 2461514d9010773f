/** `/v1/snapshots`: online backups of all data, downloadable as one file. */
import type { Readable } from 'node:stream'
import { Type } from 'typebox'
import type { Snapshots } from '../../backups/snapshots.js'
import { reference } from '../schemas/named.js'
import { problems } from '../schemas/problem.js'
import { Snapshot, SnapshotList, SnapshotPath, snapshotView } from '../schemas/snapshot.js'
import type { Routes, TypedApp } from '../typed-app.js'

export interface SnapshotRouteOptions {
  snapshots: Snapshots
}

const tags = ['snapshots']
// A snapshot contains all data of all callers.
const config = { role: 'admin' } as const

export const snapshotRoutes: Routes<SnapshotRouteOptions> = async (app, options) => {
  createSnapshot(app, options)
  listSnapshots(app, options)
  getSnapshot(app, options)
  getSnapshotArchive(app, options)
  deleteSnapshot(app, options)
}

function createSnapshot(app: TypedApp, { snapshots }: SnapshotRouteOptions): void {
  app.post(
    '/v1/snapshots',
    {
      config,
      schema: {
        operationId: 'createSnapshot',
        tags,
        summary: 'Start a snapshot of the data',
        description:
          'One at a time. Requests and writes continue; anything acknowledged after this call may be missing from it. It includes neither graphs nor uploads of unfinished jobs.',
        response: {
          202: { description: 'It is being written; poll it until it is `ready`.', ...reference(Snapshot) },
          ...problems(409, 503, 507),
        },
      },
    },
    async (_request, reply) => {
      const record = await snapshots.create()
      return reply.code(202).header('location', `/v1/snapshots/${record.id}`).send(snapshotView(record))
    },
  )
}

function listSnapshots(app: TypedApp, { snapshots }: SnapshotRouteOptions): void {
  app.get(
    '/v1/snapshots',
    {
      config,
      schema: {
        operationId: 'listSnapshots',
        tags,
        summary: 'List snapshots, newest first',
        response: {
          200: { description: 'All snapshots in the data folder, and the last one that failed.', ...SnapshotList },
        },
      },
    },
    async () => ({ snapshots: (await snapshots.list()).map(snapshotView) }),
  )
}

function getSnapshot(app: TypedApp, { snapshots }: SnapshotRouteOptions): void {
  app.get(
    '/v1/snapshots/:snapshot',
    {
      config,
      schema: {
        operationId: 'getSnapshot',
        tags,
        summary: 'Get a snapshot',
        params: SnapshotPath,
        response: {
          200: { description: 'The current state of the snapshot.', ...reference(Snapshot) },
          ...problems(400, 404),
        },
      },
    },
    async (request) => snapshotView(await snapshots.get(request.params.snapshot)),
  )
}

function getSnapshotArchive(app: TypedApp, { snapshots }: SnapshotRouteOptions): void {
  app.get(
    '/v1/snapshots/:snapshot/archive',
    {
      config,
      exposeHeadRoute: false, // it would read all of the files
      schema: {
        operationId: 'getSnapshotArchive',
        tags,
        summary: 'Download a snapshot as one file',
        description: 'A tar of the manifest and the database, for `npm run restore`.',
        params: SnapshotPath,
        response: {
          200: {
            description: 'The archive.',
            content: { 'application/x-tar': { schema: Type.Unsafe<Readable>({ type: 'string', format: 'binary' }) } },
          },
          ...problems(400, 404, 409),
        },
      },
    },
    async (request, reply) => {
      const { snapshot } = request.params
      const { tar, bytes } = await snapshots.archive(snapshot)
      return reply
        .type('application/x-tar')
        .header('content-length', bytes)
        .header('content-disposition', `attachment; filename="${snapshot}.tar"`)
        .send(tar)
    },
  )
}

function deleteSnapshot(app: TypedApp, { snapshots }: SnapshotRouteOptions): void {
  app.delete(
    '/v1/snapshots/:snapshot',
    {
      config,
      schema: {
        operationId: 'deleteSnapshot',
        tags,
        summary: 'Delete a snapshot, or stop one that is being written',
        params: SnapshotPath,
        response: { 204: { description: 'It has been deleted.', ...Type.Null() }, ...problems(400, 404) },
      },
    },
    async (request, reply) => {
      await snapshots.remove(request.params.snapshot)
      return reply.code(204).send(null)
    },
  )
}
