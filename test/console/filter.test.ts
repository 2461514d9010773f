/** The filter builder: what it makes, what it reads back, and which fields it offers. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fieldsOf } from '../../src/console/filter/fields.js'
import { draftOf, type FilterDraft, filterOf } from '../../src/console/filter/filter.js'

const rows: [FilterDraft, unknown][] = [
  [{ combine: 'and', conditions: [] }, undefined],
  [{ combine: 'and', conditions: [{ field: 'label', comparison: 'equals', text: '' }] }, undefined],
  [
    { combine: 'and', conditions: [{ field: 'label', comparison: 'equals', text: '2024' }] },
    { field: 'label', equals: '2024' },
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

test('a filter that the builder cannot show is told from one that it can', () => {
  for (const filter of [
    { not: { field: 'label', equals: 'a' } },
    { field: 'metadata.year', gte: 1, lte: 2 },
    { and: [{ or: [] }] },
  ])
    assert.equal(draftOf(filter), undefined, JSON.stringify(filter))
})

test('fields come from labels and metadata, the frequent values first', () => {
  const fields = fieldsOf([
    { label: 'cycling', metadata: { place: { city: 'Bern' }, tags: ['a', 'b'], 'odd.name': 1 } },
    { label: 'cycling', metadata: { place: { city: 'Köln' }, tags: ['b'], none: null } },
    { label: null, metadata: {} },
  ])
  assert.deepEqual(fields, [
    { name: 'label', values: ['cycling'] },
    { name: 'metadata.place.city', values: ['Bern', 'Köln'] },
    { name: 'metadata.tags', values: ['b', 'a'] },
  ])
})
