/** Decisions about findings of `doctor` and `duplicates`: applied once, and not reported again. */
import { type Static, Type } from 'typebox'
import type { NewDecision, StoredDecision } from '../../gallery/decisions.js'
import { misfitOfLabel } from '../../ingest/names.js'
import type { Answered } from '../typed-app.js'
import { invalidIn } from '../validation.js'
import { named } from './named.js'
import { Cursor, GalleryName, ImageId, Label, limit, UnfilledImageId } from './parameters.js'

const decidedAtOnceMax = 1_000

const Ids = (description: string, minItems: number) =>
  Type.Array(ImageId, { minItems, maxItems: decidedAtOnceMax, description })
const closed = { additionalProperties: false }

export const DecisionBody = Type.Union(
  [
    Type.Object(
      {
        kind: Type.Literal('label', { type: 'string' }),
        ids: Ids('Pictures whose label was asked about.', 1),
        decision: Type.Enum(['keep-label', 'dismissed'], {
          type: 'string',
          description: '`keep-label`: the label is correct. `dismissed`: do not report it again.',
        }),
      },
      closed,
    ),
    Type.Object(
      {
        kind: Type.Literal('label', { type: 'string' }),
        ids: Ids('Pictures whose label was asked about.', 1),
        decision: Type.Literal('set-label', { type: 'string', description: 'All of them are given this label.' }),
        label: Type.Union([Label, Type.Null()], { description: 'The label; null removes it.' }),
      },
      closed,
    ),
    Type.Object(
      {
        kind: Type.Literal('copies', { type: 'string' }),
        ids: Ids('Pictures that were taken for copies of each other.', 2),
        decision: Type.Enum(['not-copies', 'dismissed'], {
          type: 'string',
          description:
            '`not-copies`: they are different pictures. `dismissed`: copies that are acceptable; do not report them again.',
        }),
      },
      closed,
    ),
    Type.Object(
      {
        kind: Type.Literal('copies', { type: 'string' }),
        ids: Ids('Pictures that were taken for copies of each other.', 2),
        decision: Type.Literal('keep-one', { type: 'string', description: 'The others are deleted.' }),
        keep: { ...ImageId, description: 'The one of `ids` to keep.' },
      },
      closed,
    ),
  ],
  { examples: [{ kind: 'label', ids: ['cycling/Image_12.jpg'], decision: 'keep-label' }] },
)
export type DecisionGiven = Static<typeof DecisionBody>

export const Decision = named(
  'Decision',
  Type.Object(
    {
      id: Type.String({ description: 'Id of the decision.' }),
      gallery: GalleryName,
      kind: Type.Enum(['label', 'copies'], { type: 'string' }),
      ids: Type.Array(ImageId),
      decision: Type.Enum(['keep-label', 'set-label', 'keep-one', 'not-copies', 'dismissed'], { type: 'string' }),
      label: Type.Optional(Type.Union([Label, Type.Null()])),
      keep: Type.Optional(ImageId),
      changed: Type.Integer({ description: 'Pictures that were given another label, or deleted.' }),
      by: Type.String({ description: 'Name of the API key that made it; empty without keys.' }),
      at: Type.String({ format: 'date-time' }),
    },
    {
      examples: [
        {
          id: '12',
          gallery: 'holidays',
          kind: 'copies',
          ids: ['cycling/Image_12.jpg', 'running/IMG_0412.jpg'],
          decision: 'keep-one',
          keep: 'cycling/Image_12.jpg',
          changed: 1,
          by: 'curators',
          at: '2026-11-26T10:00:00.000Z',
        },
      ],
    },
  ),
)

export const DecisionList = Type.Object({
  decisions: Type.Array(Type.Object(Decision.properties)),
  nextCursor: Type.Optional(Type.String({ description: 'Absent on the last page.' })),
})

export const DecisionPath = Type.Object({ gallery: GalleryName, decision: Type.String({ maxLength: 64 }) })

export const DecisionListParameters = Type.Object(
  {
    id: Type.Optional(
      Type.Array(UnfilledImageId, {
        maxItems: 100,
        description: 'Only decisions about at least one of these pictures, which may be gone.',
      }),
    ),
    limit: limit(100, 1_000),
    cursor: Type.Optional(Cursor),
  },
  { additionalProperties: false },
)

/** @throws AlikeError `request_invalid` */
export function newDecision(given: DecisionGiven, by: string): NewDecision {
  if (given.decision === 'keep-one' && !given.ids.includes(given.keep))
    throw invalidIn('body')('keep', 'must be one of ids')
  const misfit = given.decision === 'set-label' ? misfitOfLabel(given.label) : undefined
  if (misfit !== undefined) throw invalidIn('body')('label', misfit)
  return { ...given, by }
}

export function decisionView(
  gallery: string,
  { number, images, kind, decision, label, keep, changed, by, at }: StoredDecision,
): Answered<typeof Decision> {
  return {
    id: String(number),
    gallery,
    kind,
    ids: images.map(({ id }) => id),
    decision,
    label,
    keep,
    changed,
    by,
    at,
  }
}
