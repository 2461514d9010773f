/** The fields that filters can use in a gallery, with types and common values. */
import { Type } from 'typebox'
import { fieldBounds, fieldTypes } from '../../gallery/fields.js'
import { named } from './named.js'

const Value = Type.Union([Type.String(), Type.Number(), Type.Boolean()])

const Field = Type.Object({
  name: Type.String({ description: 'As used in filters, groups and boosts.' }),
  types: Type.Array(Type.Enum([...fieldTypes], { type: 'string' }), {
    description: 'Types of its values; for a list, of its elements.',
  }),
  images: Type.Integer({ description: 'Examined pictures with this field.' }),
  values: Type.Array(
    Type.Object({ value: Value, images: Type.Integer({ description: 'Examined pictures with this value.' }) }),
    { description: `Most frequent first, at most ${fieldBounds.values}.` },
  ),
  moreValues: Type.Boolean({
    description: `There are further values, or values longer than ${fieldBounds.valueLength} characters.`,
  }),
  range: Type.Optional(
    Type.Array(Type.Number(), { minItems: 2, maxItems: 2, description: 'Smallest and largest number seen.' }),
  ),
})

export const GalleryFields = named(
  'GalleryFields',
  Type.Object(
    {
      examined: Type.Integer({ description: 'Pictures whose records were examined.' }),
      fields: Type.Array(Field, {
        description: `\`label\` first, then metadata paths by name; at most ${fieldBounds.fields}.`,
      }),
      moreFields: Type.Boolean({ description: 'There are further fields.' }),
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
