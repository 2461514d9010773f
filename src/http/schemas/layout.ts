/** A two-dimensional map of a gallery: parameters of the job, and the points. */
import { Type } from 'typebox'
import { named } from './named.js'
import { Cursor, GalleryName, ImageId, Label, limit } from './parameters.js'

export const LayoutListParameters = Type.Object(
  { limit: limit(10_000, 20_000), cursor: Type.Optional(Cursor) },
  { additionalProperties: false },
)

const Point = Type.Object({
  id: ImageId,
  x: Type.Number(),
  y: Type.Number(),
  label: Type.Union([Label, Type.Null()]),
  doubt: Type.Union([Type.Number({ minimum: 0, maximum: 1 }), Type.Null()], {
    description:
      'Share of its nearest labelled pictures that had another label when the layout was computed; null: unknown.',
  }),
})

export const Layout = named(
  'Layout',
  Type.Object(
    {
      gallery: GalleryName,
      modelId: Type.String(),
      madeAt: Type.String({ format: 'date-time' }),
      method: Type.Object({
        pcaDimensions: Type.Integer(),
        sampled: Type.Integer({
          description: 'Pictures laid out by UMAP; the others are placed among their nearest of those.',
        }),
        neighbours: Type.Integer(),
        seed: Type.Integer(),
      }),
      pictures: Type.Integer({ description: 'Pictures in the layout.' }),
      stale: Type.Boolean({ description: 'Pictures were added, replaced or deleted since: request a new layout.' }),
      points: Type.Array(Point, {
        description: 'One page, without pictures that have since been deleted. Coordinates are between −1 and 1.',
      }),
      nextCursor: Type.Optional(Type.String({ description: 'Absent on the last page.' })),
    },
    {
      examples: [
        {
          gallery: 'holidays',
          modelId: '5d1c0a7b9e3f4a62',
          madeAt: '2026-11-26T10:00:00.000Z',
          method: { pcaDimensions: 50, sampled: 1890, neighbours: 15, seed: 1 },
          pictures: 1890,
          stale: false,
          points: [{ id: 'cycling/Image_12.jpg', x: -0.412, y: 0.118, label: 'cycling', doubt: 0 }],
        },
      ],
    },
  ),
)
