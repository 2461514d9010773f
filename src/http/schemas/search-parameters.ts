/** What a search is asked: in the address, in the fields of a form, or in JSON. */
import { type Static, Type } from 'typebox'
import { boostsMax } from '../../gallery/boosted-hits.js'
import type { FilterJson } from '../../gallery/filter.js'
import { labelMaxLength } from '../../ingest/names.js'
import { jsonText } from '../validation.js'
import { SetModel } from './embedding-set.js'
import { Filter } from './filter.js'
import { Base64Image, BinaryImage, ImageUrl } from './image-body.js'
import { reference } from './named.js'
import { ImageId } from './parameters.js'
import { Region, regionText } from './region.js'
import { type SearchBounds, searchOptions } from './search-options.js'
import { givenVector, vectorFormat } from './vector-format.js'

/** Pictures in one query. */
export const imagesMax = 8
const inclusions = ['metadata', 'thumbnail', 'vector', 'hitVectors', 'durations'] as const

const labels = Type.Array(Type.String({ maxLength: labelMaxLength }), {
  minItems: 1,
  maxItems: 100,
  description: 'Only pictures with one of these labels; an empty string stands for unlabelled ones.',
})
/** Types in a list instead of alternatives: see `givenVector`. */
const labelOrLabels = Type.Unsafe<string[] | string>({
  ...labels,
  type: ['array', 'string'],
  maxLength: labelMaxLength,
})
const filterText =
  'Only matching pictures: a condition `{"field": "label"}`, `{"field": "id"}` or `{"field": "metadata.place.city"}` with `equals`, `in`, `exists`, or bounds `gt`, `gte`, `lt`, `lte`; conditions are combined by `{"and": […]}`, `{"or": […]}`, `{"not": …}`. A list in the metadata matches if one of its elements does.'
const filterAsText = Type.String({
  ...jsonText,
  maxLength: 65_536,
  description: `${filterText} As JSON text.`,
  examples: ['{"field":"metadata.year","gte":2020}'],
})
const excludeIds = Type.Array(ImageId, { maxItems: 1_000, description: 'Pictures to exclude from the hits.' })
const include = Type.Array(Type.Enum([...inclusions], { type: 'string' }), {
  maxItems: 10,
  description:
    'Extras in the answer: metadata of the hits, links to their thumbnails, the query vector (`vector`), the vectors of the hits (`hitVectors`; needs the verb `read`). Durations are always included.',
})

const Boosts = Type.Array(
  Type.Object(
    {
      filter: Type.Unsafe<FilterJson>(reference(Filter)),
      weight: Type.Number({
        exclusiveMinimum: 0,
        maximum: 2,
        description: 'Added to the score of pictures that match.',
      }),
    },
    { additionalProperties: false },
  ),
  {
    minItems: 1,
    maxItems: boostsMax,
    description:
      'Rank pictures that match a filter as if their score were higher by its weight; weights add up. `score`, `pSame` and `minScore` refer to similarity alone, and each hit states its `boost`. Not with `groupBy`, `diversity`, `hideDuplicates` and `vote`.',
  },
)

/** What a query in JSON can consist of, besides stored pictures. */
const pictures = {
  image: Type.Optional(Base64Image),
  url: Type.Optional(ImageUrl),
  images: Type.Optional(
    Type.Array(Base64Image, { maxItems: imagesMax, description: 'Several pictures of the same thing.' }),
  ),
  vector: Type.Optional(givenVector),
}
const bodyExamples = [
  {
    imageId: 'cycling/Image_12.jpg',
    k: 5,
    label: ['cycling', 'running'],
    filter: { and: [{ field: 'metadata.year', gte: 2020 }, { not: { field: 'metadata.tags', in: ['draft'] } }] },
  },
  { imageId: 'cycling/Image_12.jpg', k: 5, groupBy: 'label', groupSize: 3, include: ['thumbnail'] },
  { imageId: 'cycling/Image_12.jpg', k: 10, hideDuplicates: true, diversity: 0.3 },
  { imageId: 'cycling/Image_12.jpg', k: 10, nearCopies: 'only' },
  { imageId: 'cycling/Image_12.jpg', k: 10, vote: 10, falseMatchRate: 0.001 },
  { url: 'https://images.example.com/cycling/12.jpg', k: 5 },
]

/** Schemas depend on the configured bound of `k`, so that the reference states the real one. */
export function searchSchemas(bounds: SearchBounds) {
  const optional = searchOptions(bounds)
  const Parameters = Type.Object(
    {
      ...optional,
      label: Type.Optional(labels),
      filter: Type.Optional(filterAsText),
      excludeIds: Type.Optional(excludeIds),
      include: Type.Optional(include),
      ...vectorFormat,
      region: Type.Optional(regionText),
    },
    { additionalProperties: false },
  )
  const Body = Type.Object(
    {
      ...pictures,
      ...optional,
      label: Type.Optional(labelOrLabels),
      filter: Type.Optional(Type.Unsafe<FilterJson>(reference(Filter))),
      excludeIds: Type.Optional(excludeIds),
      boosts: Type.Optional(Boosts),
      include: Type.Optional(include),
      ...vectorFormat,
      region: Type.Optional(Region),
    },
    {
      additionalProperties: false,
      examples: bodyExamples,
    },
  )
  return { Parameters, Body, Form: Type.Object({ image: BinaryImage, ...Parameters.properties }) }
}

const ofSet = {
  set: Type.Optional({
    ...SetModel,
    description:
      'Id or name of a model: the embedding set of that model answers, though another one serves the gallery. For comparing them; needs the role `admin`. `modelId` in the answer says which set it is from.',
  }),
}

/** For a search that may name the set to answer from. */
export function setSearchSchemas(bounds: SearchBounds) {
  const { Parameters, Body, Form } = searchSchemas(bounds)
  return {
    Parameters: Type.Object({ ...Parameters.properties, ...ofSet }, { additionalProperties: false }),
    Body: Type.Object({ ...Body.properties, ...ofSet }, { additionalProperties: false, examples: bodyExamples }),
    Form: Type.Object({ ...Form.properties, ...ofSet }),
  }
}

type Schemas = ReturnType<typeof searchSchemas>
/** What a query says, whichever way it came. */
export type SearchGiven = Static<Schemas['Parameters']> | Static<Schemas['Body']>
