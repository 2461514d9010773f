/** A query and its answer. */
import { Type, type Static } from 'typebox'
import { probabilitySameLabel, type ScoreCalibration } from '../../eval/score-calibration.js'
import { labelMaxLength } from '../../ingest/names.js'
import type { Answer, QueryDurations } from '../../retrieval.js'
import { Metadata } from './gallery.js'
import { named } from './named.js'
import { GalleryName, ImageId, Label } from './parameters.js'
import { Base64Image, BinaryImage, PictureUrl } from './picture.js'

export const defaultK = 10
/** Pictures in one query. */
export const imagesMax = 8

/** Schemas depend on the configured bound of `k`, so that the reference states the real one. */
export function searchSchemas({ searchMaxK }: { searchMaxK: number }) {
  const optional = {
    imageId: Type.Optional({ ...ImageId, description: 'Search with this stored picture instead of an uploaded one.' }),
    like: Type.Optional(Type.Array(ImageId, { maxItems: 100, description: 'Search with these stored pictures, too: several of one thing.' })),
    unlike: Type.Optional(Type.Array(ImageId, { maxItems: 100, description: 'Stored pictures that hits should not be like.' })),
    k: Type.Optional(Type.Integer({ minimum: 1, maximum: searchMaxK, default: defaultK, description: 'Most hits.' })),
    offset: Type.Optional(Type.Integer({ minimum: 0, maximum: searchMaxK, default: 0, description: `Hits left out from the top; offset + k is at most ${searchMaxK}.` })),
    minScore: Type.Optional(Type.Number({ minimum: -1, maximum: 1, description: 'Hits of a lower score are left out.' })),
    minPSame: Type.Optional(Type.Number({ minimum: 0, maximum: 1, description: 'Hits that share the query’s label with a lower probability are left out.' })),
    ef: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000, description: 'Candidates the graph keeps while searching: more find more and cost more.' })),
    exact: Type.Optional(Type.Boolean({ default: false, description: 'Compare with every picture instead of asking the graph.' })),
    includeSelf: Type.Optional(Type.Boolean({ default: false, description: 'Let the stored pictures of the query be hits of it.' })),
  }
  const labels = Type.Array(Type.String({ maxLength: labelMaxLength }), { maxItems: 100, description: 'Only pictures with one of these labels; an empty text stands for pictures without one.' })
  const filterText = 'Only pictures that fit: a condition `{"field": "label"}` or `{"field": "metadata.place.city"}` with `equals`, `in`, `exists`, or bounds `gt`, `gte`, `lt`, `lte`; conditions are combined by `{"and": […]}`, `{"or": […]}`, `{"not": …}`. Of a list in the metadata one element has to fit.'
  const excludeIds = Type.Array(ImageId, { maxItems: 1_000, description: 'Pictures that are no hits.' })
  const include = Type.Array(Type.Enum(['metadata', 'vector'], { type: 'string' }), { maxItems: 10, description: 'What the answer carries besides: metadata of hits, the vector that was searched for.' })

  const Parameters = Type.Object(
    {
      ...optional,
      label: Type.Optional(labels),
      filter: Type.Optional(Type.String({ maxLength: 65_536, description: `${filterText} As JSON text.`, examples: ['{"field":"metadata.year","gte":2020}'] })),
      excludeIds: Type.Optional(excludeIds),
      include: Type.Optional(include),
      region: Type.Optional(Type.String({
        pattern: '^\\s*-?\\d+(\\.\\d+)?(\\s*,\\s*-?\\d+(\\.\\d+)?){3}\\s*(px)?\\s*$',
        description: 'Part of the picture to search with: `x,y,width,height` as fractions of the upright picture, or pixels when `px` follows.',
        examples: ['0.25,0.1,0.5,0.5', '120,40,300,300px'],
      })),
    },
    { additionalProperties: false },
  )
  const Body = Type.Object(
    {
      image: Type.Optional(Base64Image),
      url: Type.Optional(PictureUrl),
      images: Type.Optional(Type.Array(Base64Image, { maxItems: imagesMax, description: 'Several pictures of one thing.' })),
      vector: Type.Optional(Type.Array(Type.Number(), { minItems: 2, maxItems: 4_096, description: 'An embedding by this model, of unit length.' })),
      ...optional,
      label: Type.Optional(Type.Union([labels, labels.items])),
      filter: Type.Optional(Type.Unsafe<unknown>(Type.Record(Type.String(), Type.Unknown(), { description: filterText }))),
      excludeIds: Type.Optional(excludeIds),
      include: Type.Optional(include),
      region: Type.Optional(Region),
    },
    { additionalProperties: false, examples: [{ url: 'https://images.example.com/cycling/12.jpg', k: 5 }, { imageId: 'cycling/Image_12.jpg', k: 5, label: ['cycling', 'running'], filter: { and: [{ field: 'metadata.year', gte: 2020 }, { not: { field: 'metadata.tags', in: ['draft'] } }] } }] },
  )
  return { Parameters, Body, Form: Type.Object({ image: BinaryImage, ...Parameters.properties }) }
}

type Schemas = ReturnType<typeof searchSchemas>
/** What a query says, whichever way it came. */
export type SearchGiven = Static<Schemas['Parameters']> | Static<Schemas['Body']>

const Region = Type.Object(
  {
    x: Type.Number(),
    y: Type.Number(),
    width: Type.Number({ exclusiveMinimum: 0 }),
    height: Type.Number({ exclusiveMinimum: 0 }),
    unit: Type.Optional(Type.Enum(['relative', 'pixel'], { type: 'string', default: 'relative' })),
  },
  { additionalProperties: false, description: 'Part of the picture to search with, after orientation; what hangs over the border is cut off.' },
)

const Milliseconds = (description: string) => Type.Number({ description: `${description}, milliseconds.` })

export const SearchAnswer = named('SearchAnswer', Type.Object(
  {
    gallery: GalleryName,
    modelId: Type.String({ description: 'The model that made query and gallery comparable.' }),
    method: Type.Enum(['exact', 'hnsw'], { type: 'string', description: 'Whether every picture was compared, or the graph was asked.' }),
    ef: Type.Optional(Type.Integer({ description: 'Candidates the graph kept.' })),
    vector: Type.Optional(Type.Array(Type.Number(), { description: 'What was searched for; with `include`.' })),
    hits: Type.Array(
      Type.Object({
        rank: Type.Integer({ description: '1 is best.' }),
        id: ImageId,
        score: Type.Number({ description: 'Cosine similarity, −1 to 1; always exact.' }),
        pSame: Type.Optional(Type.Number({ description: 'Probability that query and hit share a label, where labels are as frequent as in the data that the network was calibrated on; absent when it was not.' })),
        label: Type.Union([Label, Type.Null()]),
        modelId: Type.String(),
        metadata: Type.Optional(Metadata),
      }),
      { description: 'Score descending, then id ascending.' },
    ),
    durations: Type.Object({
      decodeMs: Milliseconds('Decoding, orienting, cropping, resizing'),
      queueMs: Milliseconds('Waiting for a decoder and for the network'),
      embedMs: Milliseconds('The network'),
      searchMs: Milliseconds('Index and records'),
      totalMs: Milliseconds('All of it, without receiving the picture'),
    }),
  },
  {
    examples: [{
      gallery: 'holidays', modelId: '5d1c0a7b9e3f4a62', method: 'exact',
      hits: [
        { rank: 1, id: 'cycling/Image_7.jpg', score: 0.9312, pSame: 0.9714, label: 'cycling', modelId: '5d1c0a7b9e3f4a62' },
        { rank: 2, id: 'cycling/Image_40.jpg', score: 0.9107, pSame: 0.9523, label: 'cycling', modelId: '5d1c0a7b9e3f4a62' },
      ],
      durations: { decodeMs: 6.1, queueMs: 0.2, embedMs: 4.9, searchMs: 0.6, totalMs: 11.9 },
    }],
  },
))

export function answerView(answer: Answer, { include, calibration }: { include: readonly string[]; calibration?: ScoreCalibration }): Static<typeof SearchAnswer> {
  const { gallery, modelId, vector, method, ef, hits, durations } = answer
  return {
    gallery,
    modelId,
    method,
    ...(ef !== undefined && { ef }),
    ...(include.includes('vector') && { vector: [...vector] }),
    hits: hits.map(({ rank, score, record }) => ({
      rank,
      id: record.id,
      score,
      ...(calibration && { pSame: probabilitySameLabel(calibration, score) }),
      label: record.label,
      modelId: record.modelId,
      ...(include.includes('metadata') && { metadata: record.metadata }),
    })),
    durations: rounded(durations),
  }
}

/** To microseconds: the clock knows no more. */
function rounded(durations: QueryDurations): QueryDurations {
  const round = (ms: number) => Math.round(ms * 1_000) / 1_000
  const { decodeMs, queueMs, embedMs, searchMs, totalMs } = durations
  return { decodeMs: round(decodeMs), queueMs: round(queueMs), embedMs: round(embedMs), searchMs: round(searchMs), totalMs: round(totalMs) }
}
