/** A gallery's embedding sets as callers see them. */
import { type Static, Type } from 'typebox'
import { setStages } from '../../gallery/catalogue.js'
import type { ToldSet } from '../../re-embedding/embedding-sets.js'
import { comparedNames } from '../../re-embedding/gate-report.js'
import { withoutOriginalChoices } from '../../re-embedding/set-about.js'
import { JobWishes } from './job.js'
import { named, reference } from './named.js'
import { GalleryName } from './parameters.js'

export const SetModel = Type.String({ minLength: 1, maxLength: 64, description: 'Id or name of a model.' })

export const SetPath = Type.Object({ gallery: GalleryName, model: SetModel })

export const BuildBody = Type.Object(
  {
    ...JobWishes,
    model: SetModel,
    withoutOriginal: Type.Optional(
      Type.Enum([...withoutOriginalChoices], {
        type: 'string',
        description:
          'What becomes of pictures that were not kept as they came. `fail`: the job lists them and fails before anything is embedded. `leave_out`: it lists them, and they are missing from the set. Left out: as the set was built before, or `fail`.',
      }),
    ),
    ratePerSecond: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 100_000,
        description:
          'Pictures embedded in a second; 0: as many as there is room for. Left out, and at most: `RE_EMBEDDING_RATE_MAX`.',
      }),
    ),
    seed: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 2 ** 31,
        default: 1,
        description: 'Of the sample that both sets are judged on.',
      }),
    ),
  },
  { additionalProperties: false, examples: [{ model: 'resnet50', withoutOriginal: 'leave_out' }] },
)

export const ServingBody = Type.Object(
  {
    model: SetModel,
    force: Type.Optional(
      Type.Boolean({
        default: false,
        description:
          'The set serves although it was not found good enough, or lacks pictures that could not be embedded for it.',
      }),
    ),
  },
  { additionalProperties: false, examples: [{ model: 'resnet50' }] },
)

const Compared = Type.Object({
  serving: Type.Number(),
  other: Type.Number(),
  difference: Type.Number({ description: '`other` − `serving`.' }),
  interval: Type.Array(Type.Number(), {
    minItems: 2,
    maxItems: 2,
    description: 'Of the difference: 95 %, by resampling queries in pairs.',
  }),
})

export const Gate = named(
  'Gate',
  Type.Object(
    {
      passed: Type.Boolean(),
      reasons: Type.Array(Type.String(), { description: 'Why not, one sentence each.' }),
      judgedAt: Type.String(),
      servingModelId: Type.String({ description: 'What it was compared with.' }),
      seed: Type.Integer(),
      queries: Type.Integer({
        description: 'Labelled pictures that were queries; without any, nothing is said of quality.',
      }),
      candidates: Type.Integer({ description: 'Pictures among which they were ranked, exactly and in both sets.' }),
      missing: Type.Optional(
        Type.Integer({ description: 'Of those, pictures that this set does not have: they count as missed.' }),
      ),
      quality: Type.Object(
        Object.fromEntries(comparedNames.map((name) => [name, Type.Optional(Compared)])) as Record<
          (typeof comparedNames)[number],
          ReturnType<typeof Type.Optional<typeof Compared>>
        >,
        { description: 'Of the normalised mean rank less is better, of all others more.' },
      ),
      overlapAt10: Type.Union([Type.Number(), Type.Null()], {
        description: 'Of the ten best hits of a query, the share that both sets show.',
      }),
      overlapQueries: Type.Integer(),
      replay: Type.Optional(
        Type.Union([Type.Object({ queries: Type.Integer(), overlapAt10: Type.Number() }), Type.Null()], {
          description: 'The same on pictures that were searched with lately (`keepQueries`); null: none are kept.',
        }),
      ),
      copiesFound: Type.Union(
        [Type.Object({ serving: Type.Number(), other: Type.Number(), copies: Type.Integer() }), Type.Null()],
        { description: 'Of near-copies, told by pixels, the share among the ten best hits; null: there are none.' },
      ),
    },
    { description: 'Two sets judged side by side on the gallery’s own pictures.' },
  ),
)

export const EmbeddingSet = named(
  'EmbeddingSet',
  Type.Object(
    {
      gallery: GalleryName,
      modelId: Type.String(),
      dimension: Type.Integer(),
      engine: Type.String({
        description: 'What it lives in; two sets of one model are those of a gallery that moves.',
      }),
      state: Type.Enum([...setStages], {
        type: 'string',
        description:
          '`building`: its pictures are being embedded. `ready`: they were, and what changes is brought to it. `serving`: searches are answered from it. `kept`: it did serve, and what changes is brought to it until `keptUntil`.',
      }),
      count: Type.Integer({ description: 'Pictures in it.' }),
      index: Type.Object({ pending: Type.Integer(), building: Type.Boolean() }),
      withoutOriginal: Type.Optional(
        Type.Enum([...withoutOriginalChoices], { type: 'string', description: 'What it was built with.' }),
      ),
      keptUntil: Type.Optional(Type.String({ description: 'Then it is removed.' })),
      gate: Type.Optional({ ...reference(Gate) }),
      job: Type.Optional(Type.String({ description: 'That builds or judges it and is not over.' })),
      createdAt: Type.String(),
    },
    { description: 'The embeddings that one model made of a gallery’s pictures.' },
  ),
)

export const EmbeddingSetList = Type.Object({ sets: Type.Array(reference(EmbeddingSet)) })

export function setView(gallery: string, set: ToldSet): Static<typeof EmbeddingSet> {
  const { modelId, dimension, engine, stage, reading, about, job, createdAt } = set
  return {
    gallery,
    modelId,
    dimension,
    engine,
    state: stage,
    count: reading.images,
    index: { pending: reading.pending, building: reading.building },
    ...(about.withoutOriginal && stage !== 'serving' && { withoutOriginal: about.withoutOriginal }),
    ...(about.keptUntil !== undefined && stage === 'kept' && { keptUntil: about.keptUntil }),
    ...(about.gate && { gate: about.gate }),
    ...(job && { job: job.id }),
    createdAt,
  }
}
