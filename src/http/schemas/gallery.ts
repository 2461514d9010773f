/** Galleries as callers see them. */
import { type Static, Type } from 'typebox'
import { storedBounds } from '../../bounded-json.js'
import { quantisations } from '../../gallery/engine.js'
import { originalsModes } from '../../gallery/gallery-options.js'
import type { GalleryReading } from '../../gallery/gallery-readings.js'
import type { GalleryRecord } from '../../gallery/records.js'
import type { ToldMove } from '../../re-embedding/gallery-moves.js'
import type { Compared } from '../../re-embedding/set-about.js'
import { named, reference } from './named.js'
import { Cursor, GalleryName, Label, limit } from './parameters.js'

/** The bounds that a schema can not say; `bounded-json.ts` checks them. */
export const storedJsonDescription = `Any JSON object of yours: nested at most ${storedBounds.depthMax} deep, with at most ${storedBounds.valuesMax} values in all and \`METADATA_MAX_BYTES\` (16 KiB unless set otherwise) as JSON. Integers beyond 2^53 and numbers too large for a double are refused; of a member that is named twice the last counts.`

export const Metadata = Type.Record(Type.String(), Type.Unknown(), {
  maxProperties: 100,
  description: storedJsonDescription,
})

const rules = {
  originals: Type.Optional(
    Type.Enum([...originalsModes], {
      type: 'string',
      description:
        'Of pictures as they came. `keep`: they are stored. `reference`: they stay where you have them, and each comes with its `reference`. `none`: neither, and another model cannot embed them. Left out: `ORIGINALS`.',
    }),
  ),
  keepQueries: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 10_000,
      description:
        'Pictures that were last searched with are kept, so many, to compare models on them before the next change; 0: none. They are often of people: docs/security.md says what becomes of them.',
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
          'Also gives up what was kept of the pictures; what no other gallery uses is removed within a day. Not with `keep`.',
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
        description: 'Id or name of the model that is to serve it; left out: the standard one.',
      }),
    ),
    engine: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 64,
        description:
          'What it is to live in: `embedded`, this process, or `weaviate`, a cluster beside it (docs/scale-out.md); left out: `DEFAULT_ENGINE`.',
      }),
    ),
    shards: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 256, description: 'Parts of it in a cluster; left out: `WEAVIATE_SHARDS`.' }),
    ),
    replicas: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 16,
        description: 'Copies of each part in a cluster; left out: `WEAVIATE_REPLICAS`.',
      }),
    ),
    quantisation: Type.Optional(
      Type.Enum([...quantisations], {
        type: 'string',
        description: 'Of the vectors in the index of a cluster; left out: `WEAVIATE_QUANTISATION`.',
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
      engine: Type.String({ description: 'What it lives in.' }),
      move: Type.Optional(
        Type.Object(
          {
            engine: Type.String({ description: 'What the copy lives in.' }),
            state: Type.Enum(['copying', 'kept'], {
              type: 'string',
              description:
                '`copying`: the gallery is on its way there, by `job` unless that has failed. `kept`: it came from there, and what changes is brought there until `keptUntil`.',
            }),
            images: Type.Integer({ description: 'Pictures in the copy.' }),
            job: Type.Optional(Type.String({ description: 'That moves it and is not over.' })),
            keptUntil: Type.Optional(Type.String({ description: 'Then the copy is removed.' })),
            compared: Type.Optional(
              Type.Object(
                {
                  images: Type.Integer(),
                  checksum: Type.Optional(
                    Type.String({
                      description:
                        'Sum over all pictures, in whatever order; hex. Left out where some were written meanwhile, which were compared one by one.',
                    }),
                  ),
                  comparedAt: Type.String(),
                },
                { description: 'What the gallery was found to be before it began to serve from where it lives now.' },
              ),
            ),
          },
          { description: 'Its copy in another engine, where there is one. Told of one gallery, not in lists.' },
        ),
      ),
      originals: Type.Enum([...originalsModes], {
        type: 'string',
        description: 'What becomes of pictures as they come: they are stored, referred to, or neither.',
      }),
      holdsOriginals: Type.Boolean({
        description: 'Whether what was kept of its pictures, now or before, is still theirs.',
      }),
      keepQueries: Type.Integer({ description: 'Pictures kept of those that were last searched with.' }),
      count: Type.Integer({ description: 'Pictures in it.' }),
      unreachable: Type.Optional(
        Type.Literal(true, {
          description:
            'Its engine does not answer: how many pictures it has is not known, and calls get `engine_unreachable`.',
        }),
      ),
      lost: Type.Optional(
        Type.Literal(true, {
          description:
            'Its engine answers and does not have it any more: calls get `gallery_lost` until it is restored there, or the gallery is deleted.',
        }),
      ),
      searchable: Type.Boolean({ description: 'False when the model that made it is not served.' }),
      unreadable: Type.Optional(
        Type.Enum(['record'], {
          type: 'string',
          description: 'The gallery’s record is damaged on disk: only its name is known, and it can only be deleted.',
        }),
      ),
      index: Type.Object(
        {
          tombstones: Type.Integer({ description: 'Removed pictures that are still in the graph.' }),
          pending: Type.Integer({ description: 'Pictures not yet in the graph; searches scan them exactly.' }),
          building: Type.Boolean({ description: 'A graph is being built.' }),
          unfindable: Type.Integer({
            description:
              'Pictures that no search finds because their embeddings are damaged on disk. A snapshot names them; storing them again mends it.',
          }),
        },
        {
          description:
            'State of the index; searches are correct in every state, but for pictures counted as unfindable.',
        },
      ),
      createdAt: Type.String(),
      updatedAt: Type.String(),
    },
    {
      description: 'A set of pictures that is searched as a whole.',
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

/** Labels of one page, unless asked for fewer. */
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
  move?: ToldMove | undefined,
): Static<typeof Gallery> {
  const { searchable = false, tombstones = 0, pending = 0, building = false, unfindable = 0 } = reading ?? {}
  return {
    name,
    modelId,
    dimension,
    settings,
    engine,
    ...(move && { move: moveView(move) }),
    ...rules,
    count,
    ...(reading?.unreachable && { unreachable: reading.unreachable }),
    ...(reading?.lost && { lost: reading.lost }),
    searchable,
    ...(unreadable && { unreadable }),
    index: { tombstones, pending, building, unfindable },
    createdAt,
    updatedAt,
  }
}

function moveView({ engine, state, images, job, keptUntil, compared }: ToldMove) {
  return {
    engine,
    state,
    images,
    ...(job !== undefined && { job }),
    ...(keptUntil !== undefined && { keptUntil }),
    ...(compared && { compared: comparedView(compared) }),
  }
}

function comparedView({ images, checksum, comparedAt }: Compared) {
  return { images, ...(checksum !== undefined && { checksum }), comparedAt }
}
