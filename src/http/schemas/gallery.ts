/** Galleries as callers see them. */
import { Type } from 'typebox'
import { quantisations } from '../../gallery/engine.js'
import { originalsModes } from '../../gallery/gallery-options.js'
import type { GalleryReading } from '../../gallery/gallery-readings.js'
import type { GalleryRecord } from '../../gallery/records.js'
import type { MoveStatus } from '../../re-embedding/gallery-moves.js'
import type { Answered } from '../typed-app.js'
import { GalleryMove } from './gallery-move.js'
import { Metadata } from './metadata.js'
import { named, reference } from './named.js'
import { Cursor, GalleryName, Label, limit } from './parameters.js'

const rules = {
  originals: Type.Optional(
    Type.Enum([...originalsModes], {
      type: 'string',
      description:
        'How originals are kept. `keep`: the files are stored. `reference`: they stay where you have them, and each picture is sent with its `reference`. `none`: neither, and another model cannot embed them. Default: `ORIGINALS`.',
    }),
  ),
  keepQueries: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 10_000,
      description:
        'Number of recent query pictures to keep, for comparing models before the next change; 0: none. They often show people: see docs/security.md for how they are treated.',
    }),
  ),
  maxImages: Type.Optional(
    Type.Union([Type.Integer({ minimum: 0, maximum: 4_000_000_000 }), Type.Null()], {
      description:
        'Maximum number of pictures in the gallery; `null`, the default: only that of embedded galleries (`GALLERY_MAX_IMAGES`). New pictures beyond it are refused with `gallery_full`; stored ones stay, and can always be replaced, changed and deleted.',
    }),
  ),
}

export const GalleryChangeBody = Type.Object(
  {
    ...rules,
    releaseOriginals: Type.Optional(
      Type.Boolean({
        default: false,
        description:
          'Also release the originals kept so far; those that no other gallery uses are deleted within a day. Not with `keep`.',
      }),
    ),
  },
  {
    additionalProperties: false,
    minProperties: 1,
    description: 'Members that are left out keep their values.',
    examples: [{ originals: 'none', releaseOriginals: true }],
  },
)

export const GallerySettings = Type.Object(
  {
    settings: Type.Optional(Metadata),
    model: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 64,
        description: 'Id or name of the gallery’s model. Default: the default model.',
      }),
    ),
    engine: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 64,
        description:
          'Where the gallery is stored: `embedded`, in this process, or `weaviate`, in a separate cluster (docs/scale-out.md). Default: `DEFAULT_ENGINE`.',
      }),
    ),
    shards: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 256,
        description: 'Number of shards in a cluster. Default: `WEAVIATE_SHARDS`.',
      }),
    ),
    replicas: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 16,
        description: 'Replicas of each shard in a cluster. Default: `WEAVIATE_REPLICAS`.',
      }),
    ),
    quantisation: Type.Optional(
      Type.Enum([...quantisations], {
        type: 'string',
        description: 'Quantisation of the vectors in a cluster’s index. Default: `WEAVIATE_QUANTISATION`.',
      }),
    ),
    ...rules,
  },
  { additionalProperties: false, examples: [{ settings: { owner: 'photo desk' } }] },
)

export const Gallery = named(
  'Gallery',
  Type.Object(
    {
      name: GalleryName,
      modelId: Type.String({ description: 'The model that made every embedding in it.' }),
      dimension: Type.Integer({ description: 'Numbers in an embedding.' }),
      settings: Metadata,
      engine: Type.String({ description: 'The engine that stores it.' }),
      move: Type.Optional(GalleryMove),
      originals: Type.Enum([...originalsModes], {
        type: 'string',
        description: 'How originals are kept: stored, referenced, or neither.',
      }),
      holdsOriginals: Type.Boolean({
        description: 'Whether originals kept now or before are still held for its pictures.',
      }),
      keepQueries: Type.Integer({ description: 'Number of recent query pictures to keep.' }),
      maxImages: Type.Optional(
        Type.Integer({ description: 'Maximum number of pictures in it. Absent: it has no limit of its own.' }),
      ),
      count: Type.Integer({ description: 'Pictures in it.' }),
      unreachable: Type.Optional(
        Type.Literal(true, {
          description:
            'Its engine is unavailable: the number of pictures is unknown, and calls get `engine_unreachable`.',
        }),
      ),
      lost: Type.Optional(
        Type.Literal(true, {
          description:
            'Its engine no longer has its data: calls get `gallery_lost` until the data is restored there or the gallery is deleted.',
        }),
      ),
      elsewhere: Type.Optional(
        Type.Literal(true, {
          description:
            'It is in the data folder of another process: the number of pictures is unknown here, and calls get `gallery_elsewhere`.',
        }),
      ),
      searchable: Type.Boolean({ description: 'False if its model is not installed.' }),
      unreadable: Type.Optional(
        Type.Enum(['record'], {
          type: 'string',
          description: 'The gallery’s record is damaged on disk: only its name is known, and it can only be deleted.',
        }),
      ),
      index: Type.Object(
        {
          tombstones: Type.Integer({ description: 'Deleted pictures still in the graph.' }),
          pending: Type.Integer({ description: 'Pictures not yet in the graph; searches scan them exactly.' }),
          building: Type.Boolean({ description: 'A graph is being built.' }),
          unfindable: Type.Integer({
            description:
              'Pictures that no search finds because their embeddings are damaged on disk. Snapshots list them; storing them again repairs them.',
          }),
        },
        {
          description:
            'State of the index. Searches are correct in every state, except for pictures counted as unfindable.',
        },
      ),
      createdAt: Type.String(),
      updatedAt: Type.String(),
    },
    {
      description: 'A collection of pictures that is searched as a whole.',
      examples: [
        {
          name: 'holidays',
          modelId: '5d1c0a7b9e3f4a62',
          dimension: 128,
          settings: {},
          engine: 'embedded',
          originals: 'keep',
          holdsOriginals: true,
          keepQueries: 0,
          count: 1841,
          searchable: true,
          index: { tombstones: 12, pending: 0, building: false, unfindable: 0 },
          createdAt: '2026-03-01T09:30:00.000Z',
          updatedAt: '2026-03-02T17:05:21.412Z',
        },
      ],
    },
  ),
)

export const GalleryListParameters = Type.Object(
  { cursor: Type.Optional(Cursor), limit: limit(1_000, 1_000) },
  { additionalProperties: false },
)
export const GalleryList = Type.Object({ galleries: Type.Array(reference(Gallery)), nextCursor: Type.Optional(Cursor) })

/** Labels on one page by default. */
export const labelsOfPage = 10_000
export const LabelCountsParameters = Type.Object(
  { cursor: Type.Optional(Cursor), limit: limit(labelsOfPage, labelsOfPage) },
  { additionalProperties: false },
)

export const LabelCounts = Type.Object({
  labels: Type.Array(
    Type.Object({
      label: Type.Union([Label, Type.Null()], { description: 'null: unlabelled pictures.' }),
      count: Type.Integer(),
    }),
  ),
  nextCursor: Type.Optional(Cursor),
})

export function galleryView(
  { name, engine, modelId, dimension, settings, rules, count, unreadable, createdAt, updatedAt }: GalleryRecord,
  reading: GalleryReading | undefined,
  move?: MoveStatus | undefined,
): Answered<typeof Gallery> {
  const { searchable = false, tombstones = 0, pending = 0, building = false, unfindable = 0 } = reading ?? {}
  return {
    name,
    modelId,
    dimension,
    settings,
    engine,
    move,
    ...rules,
    count,
    unreachable: reading?.unreachable,
    lost: reading?.lost,
    elsewhere: reading?.elsewhere,
    searchable,
    unreadable,
    index: { tombstones, pending, building, unfindable },
    createdAt,
    updatedAt,
  }
}
