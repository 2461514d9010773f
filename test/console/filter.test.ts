/** The filter builder: what it produces, what it reads back, and which fields it offers. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type FieldType, fieldsOf } from '../../src/console/filter/fields.js'
import { comparisonsOf, draftOf, type FilterDraft, filterOf } from '../../src/console/filter/filter.js'

const rows: [FilterDraft, unknown][] = [
  [{ combine: 'and', conditions: [] }, undefined],
  [{ combine: 'and', conditions: [{ field: 'label', comparison: 'equals', text: '' }] }, undefined],
  [
    { combine: 'and', conditions: [{ field: 'label', comparison: 'equals', text: '2024' }] },
    { field: 'label', equals: '2024' },
  ],
  [
    { combine: 'and', conditions: [{ field: 'id', comparison: 'in', text: '7, 12' }] },
    { field: 'id', in: ['7', '12'] },
  ],
  [
    { combine: 'and', conditions: [{ field: 'metadata.year', comparison: 'gte', text: '2020' }] },
    { field: 'metadata.year', gte: 2020 },
  ],
  [
    { combine: 'and', conditions: [{ field: 'metadata.draft', comparison: 'missing', text: '' }] },
    { field: 'metadata.draft', exists: false },
  ],
  [
    {
      combine: 'or',
      conditions: [
        { field: 'metadata.tags', comparison: 'in', text: 'a, 3, true' },
        { field: 'metadata.draft', comparison: 'equals', text: 'false' },
      ],
    },
    {
      or: [
        { field: 'metadata.tags', in: ['a', 3, true] },
        { field: 'metadata.draft', equals: false },
      ],
    },
  ],
]

for (const [draft, filter] of rows) {
  test(`the draft becomes ${JSON.stringify(filter)}, and is read back`, () => {
    assert.deepEqual(filterOf(draft), filter)
    if (filter !== undefined) assert.deepEqual(draftOf(filter), draft)
  })
}

test('a filter that the builder cannot show is distinguished from one that it can', () => {
  for (const filter of [
    { not: { field: 'label', equals: 'a' } },
    { field: 'metadata.year', gte: 1, lte: 2 },
    { and: [{ or: [] }] },
    // cannot be typed, so changing another condition would change their meaning
    { field: 'metadata.draft', equals: null },
    { field: 'metadata.tags', in: ['a', null] },
    { field: 'label', in: ['Paris, France', 'Rome'] },
    { field: 'label', equals: ' a' },
    { field: 'label', equals: '' },
    { field: 'label', equals: ['a'] },
  ])
    assert.equal(draftOf(filter), undefined, JSON.stringify(filter))
})

test('commas without a value between them list nothing', () => {
  const filter = (text: string) =>
    filterOf({ combine: 'and', conditions: [{ field: 'label', comparison: 'in', text }] })
  assert.deepEqual(filter('a, , b,'), { field: 'label', in: ['a', 'b'] })
  assert.equal(filter(' , '), undefined)
})

test('fields are all of the labels, and the metadata', () => {
  const field = { types: ['text' as const] }
  const fields = fieldsOf(
    [
      { ...field, name: 'label', values: [{ value: 'cycling' }] },
      {
        ...field,
        name: 'metadata.year',
        types: ['number'],
        values: [{ value: 2020 }],
        range: [1999, 2026],
      },
    ],
    ['cycling', 'rare'],
  )
  assert.deepEqual(fields, [
    { name: 'label', types: ['text'], values: ['cycling', 'rare'] },
    { name: 'metadata.year', types: ['number'], values: ['2020'], range: [1999, 2026] },
  ])
})

test('typed values take the type of the field, and only applicable comparisons are offered', () => {
  const condition = { field: 'metadata.code', comparison: 'equals', text: '007' } as const
  const filter = (types: FieldType[]) =>
    filterOf({ combine: 'and', conditions: [condition] }, [{ name: 'metadata.code', types }])
  assert.deepEqual(filter(['text']), { field: 'metadata.code', equals: '007' })
  assert.deepEqual(filter(['text', 'number']), { field: 'metadata.code', equals: 7 })
  assert.deepEqual(comparisonsOf(['boolean']), ['equals', 'exists', 'missing'])
  assert.deepEqual(comparisonsOf(['boolean', 'number']), comparisonsOf())
})
