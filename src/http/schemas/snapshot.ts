/** Snapshots of the data as callers see them. */
import { Type } from 'typebox'
import { snapshotIdPattern } from '../../backups/backup-manifest.js'
import { type SnapshotRecord, snapshotStates } from '../../backups/snapshots.js'
import type { Answered } from '../typed-app.js'
import { named, reference } from './named.js'

const SnapshotId = Type.String({
  pattern: snapshotIdPattern,
  description: 'Id of a snapshot; ids sort by time.',
  examples: ['20260301T093000Z-3f9a1c'],
})

const SnapshotGallery = Type.Object({
  name: Type.String(),
  modelId: Type.String(),
  dimension: Type.Integer(),
  images: Type.Integer(),
})
const SnapshotFile = Type.Object({ name: Type.String(), bytes: Type.Integer(), sha256: Type.String() })

export const Snapshot = named(
  'Snapshot',
  Type.Object(
    {
      id: SnapshotId,
      state: Type.Enum([...snapshotStates], {
        type: 'string',
        description:
          '`writing`; `ready` to download; `failed`: nothing of it is kept; `damaged`: its files have changed since they were written.',
      }),
      share: Type.Number({ description: 'Share of the work that is done, 0 to 1.' }),
      createdAt: Type.Union([Type.String(), Type.Null()], {
        description: 'It contains everything acknowledged before this time; null if damaged.',
      }),
      serviceVersion: Type.Union([Type.String(), Type.Null()], {
        description: 'Version of Alike. This and the following are null or empty unless it is ready.',
      }),
      modelId: Type.Union([Type.String(), Type.Null()], { description: 'Id of the default model at that time.' }),
      images: Type.Union([Type.Integer(), Type.Null()], { description: 'Pictures in all galleries.' }),
      galleries: Type.Array(SnapshotGallery),
      files: Type.Array(SnapshotFile),
      damagedGalleries: Type.Optional(
        Type.Array(Type.String(), {
          description:
            'Galleries whose record could not be read when this was written, at most 100: their pictures are included, but they can only be deleted. Absent if there are none.',
        }),
      ),
      damagedImages: Type.Optional(
        Type.Object(
          {
            count: Type.Integer(),
            first: Type.Array(Type.Object({ gallery: Type.String(), id: Type.String() }), {
              description: 'At most 100.',
            }),
          },
          {
            description:
              'Pictures whose record, embedding, thumbnail or copy descriptor could not be read when this was written: everything else about them is included. Absent if there are none.',
          },
        ),
      ),
      failure: Type.Union([Type.Object({ code: Type.String(), detail: Type.String() }), Type.Null()]),
    },
    {
      description: 'A copy of all galleries and jobs at one point in time.',
      examples: [
        {
          id: '20260301T093000Z-3f9a1c',
          state: 'ready',
          share: 1,
          createdAt: '2026-03-01T09:30:00.000Z',
          serviceVersion: '0.1.0',
          modelId: '61c4d01eafe22676',
          images: 8820,
          galleries: [{ name: 'actions', modelId: '61c4d01eafe22676', dimension: 128, images: 8820 }],
          files: [
            {
              name: 'alike.db',
              bytes: 61440000,
              sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
            },
          ],
          failure: null,
        },
      ],
    },
  ),
)

export const SnapshotPath = Type.Object({ snapshot: SnapshotId })
export const SnapshotList = Type.Object({
  snapshots: Type.Array(reference(Snapshot), { description: 'Newest first.' }),
})

export function snapshotView({
  id,
  state,
  share,
  createdAt,
  manifest,
  failure,
}: SnapshotRecord): Answered<typeof Snapshot> {
  const {
    serviceVersion = null,
    modelId = null,
    images = null,
    galleries = [],
    files = [],
    damagedGalleries,
    damagedImages,
  } = manifest ?? {}
  return {
    id,
    state,
    share,
    createdAt,
    serviceVersion,
    modelId,
    images,
    galleries,
    files,
    damagedGalleries,
    damagedImages,
    failure,
  }
}
