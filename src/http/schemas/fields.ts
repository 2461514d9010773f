/** What filters can name in a gallery: fields with their types and common values. */
import { Type } from 'typebox'
import { fieldBounds, fieldTypes } from '../../gallery/fields.js'
import { named } from './named.js'

const Value = Type.Union([Type.String(), Type.Number(), Type.Boolean()])

const Field = Type.Object({
  name: Type.String({ description: 'As filters, groups and boosts name it.' }),
  types: Type.Array(Type.Enum([...fieldTypes], { type: 'string' }), {
    description: 'Of its values; of a list, those of its elements.',
  }),
  images: Type.Integer({ description: 'Examined pictures that have it.' }),
  values: Type.Array(
    Type.Object({ value: Value, images: Type.Integer({ description: 'Examined pictures that have this value.' }) }),
    { description: `The most frequent first, ${fieldBounds.values} at most.` },
  ),
  moreValues: Type.Boolean({
    description: `There are others, or values of more than ${fieldBounds.valueLength} characters.`,
  }),
  range: Type.Optional(
    Type.Array(Type.Number(), { minItems: 2, maxItems: 2, description: 'Smallest and largest number seen.' }),
  ),
})

export const GalleryFields = named(
  'GalleryFields',
  Type.Object(
    {
      examined: Type.Integer({ description: 'Pictures whose records were counted.' }),
      fields: Type.Array(Field, {
        description: `\`label\` first, then places in the metadata by name; ${fieldBounds.fields} at most.`,
      }),
      moreFields: Type.Boolean({ description: 'There are others.' }),
    },
    {
      examples: [
        {
          examined: 1841,
          fields: [
            {
              name: 'label',
              types: ['text'],
              images: 1841,
              values: [
                { value: 'cycling', images: 126 },
                { value: 'running', images: 125 },
              ],
              moreValues: true,
            },
            {
              name: 'metadata.year',
              types: ['number'],
              images: 1790,
              values: [{ value: 2025, images: 1102 }],
              moreValues: true,
              range: [2009, 2026],
            },
          ],
          moreFields: false,
        },
      ],
    },
  ),
)
