/** A gallery's embedding sets as callers see them. */
import { Type } from 'typebox'
import { setStages } from '../../gallery/catalogue.js'
import type { SetStatus } from '../../re-embedding/embedding-sets.js'
import { comparedNames } from '../../re-embedding/gate-report.js'
import { withoutOriginalChoices } from '../../re-embedding/set-about.js'
import type { Answered } from '../typed-app.js'
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
          'How to treat pictures without an original. `fail`: the job lists them and fails: before anything is embedded if originals were not kept, otherwise after references that are out of reach have been retried for a minute. `leave_out`: it lists them, and the set does not contain them. Default: the choice with which the set was built before, otherwise `fail`.',
      }),
    ),
    ratePerSecond: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 100_000,
        description:
          'Maximum number of pictures embedded per second; 0: as many as capacity allows. Default and maximum: `RE_EMBEDDING_RATE_MAX`.',
      }),
    ),
    seed: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 2 ** 31,
        default: 1,
        description: 'Number of stored pictures used as queries when both sets are judged.',
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
          'Switch although the set did not pass the quality gate, or lacks pictures that could not be embedded for it.',
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
    description: '95 % confidence interval of the difference, by paired bootstrap over queries.',
  }),
})

export const Gate = named(
  'Gate',
  Type.Object(
    {
      passed: Type.Boolean(),
      reasons: Type.Array(Type.String(), { description: 'Reasons for failing, one sentence each.' }),
      judgedAt: Type.String(),
      servingModelId: Type.String({ description: 'The model it was compared with.' }),
      seed: Type.Integer(),
      queries: Type.Integer({
        description: 'Labelled pictures used as queries; without any, quality is not judged.',
      }),
      candidates: Type.Integer({ description: 'Pictures that were ranked, exactly and in both sets.' }),
      missing: Type.Optional(
        Type.Integer({ description: 'Candidates that this set does not contain: they count as missed.' }),
      ),
      quality: Type.Object(
        Object.fromEntries(comparedNames.map((name) => [name, Type.Optional(Compared)])) as Record<
          (typeof comparedNames)[number],
          ReturnType<typeof Type.Optional<typeof Compared>>
        >,
        { description: 'For the normalised mean rank lower is better, for all others higher.' },
      ),
      overlapAt10: Type.Union([Type.Number(), Type.Null()], {
        description: 'Share of a query’s ten best hits that both sets have in common.',
      }),
      overlapQueries: Type.Integer(),
      replay: Type.Optional(
        Type.Union([Type.Object({ queries: Type.Integer(), overlapAt10: Type.Number() }), Type.Null()], {
          description: 'The same for recent query pictures (`keepQueries`); null: none are kept.',
        }),
      ),
      copiesFound: Type.Union(
        [Type.Object({ serving: Type.Number(), other: Type.Number(), copies: Type.Integer() }), Type.Null()],
        {
          description:
            'Share of near-copies, as detected by pixels, that are among the ten best hits; null: there are none.',
        },
      ),
    },
    { description: 'Two sets compared on the gallery’s own pictures.' },
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
        description: 'The engine that stores it; two sets of one model are those of a gallery that is moved.',
      }),
      state: Type.Enum([...setStages], {
        type: 'string',
        description:
          '`building`: its pictures are being embedded. `ready`: complete, and kept up to date. `serving`: searches are answered from it. `kept`: it served before, and is kept up to date until `keptUntil`.',
      }),
      count: Type.Integer({ description: 'Pictures in it.' }),
      index: Type.Object({ pending: Type.Integer(), building: Type.Boolean() }),
      withoutOriginal: Type.Optional(
        Type.Enum([...withoutOriginalChoices], { type: 'string', description: 'The choice with which it was built.' }),
      ),
      keptUntil: Type.Optional(Type.String({ description: 'When it will be deleted.' })),
      gate: Type.Optional({ ...reference(Gate) }),
      job: Type.Optional(Type.String({ description: 'The unfinished job that builds or judges it.' })),
      createdAt: Type.String(),
    },
    { description: 'The embeddings of a gallery’s pictures by one model.' },
  ),
)

export const EmbeddingSetList = Type.Object({ sets: Type.Array(reference(EmbeddingSet)) })

export function setView(gallery: string, set: SetStatus): Answered<typeof EmbeddingSet> {
  const { modelId, dimension, engine, stage, reading, about, job, createdAt } = set
  return {
    gallery,
    modelId,
    dimension,
    engine,
    state: stage,
    count: reading.images,
    index: { pending: reading.pending, building: reading.building },
    withoutOriginal: stage === 'serving' ? undefined : about.withoutOriginal,
    keptUntil: stage === 'kept' ? about.keptUntil : undefined,
    gate: about.gate,
    job: job?.id,
    createdAt,
  }
}
