import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fieldPattern } from '../../src/gallery/field-values.js'
import { type Field, FieldCounts, fieldBounds } from '../../src/gallery/fields.js'
import type { Metadata } from '../../src/gallery/metadata.js'

function fieldsOf(...metadata: Metadata[]): Map<string, Field> {
  const counts = new FieldCounts()
  for (const one of metadata) counts.add({ label: null, metadata: one })
  return new Map(counts.result().fields.map((field) => [field.name, field]))
}

test('a field has the types and values of its scalars and list elements, each counted once per image', () => {
  const fields = fieldsOf(
    { place: { city: 'Rome' }, tags: ['a', 'b', 'a'], year: 2020 },
    { place: { city: 'Oslo' }, tags: ['a', 7], year: 1999, seen: false },
    { place: 'nowhere', year: null, tags: [] },
  )
  assert.deepEqual(
    [...fields.keys()],
    ['metadata.place', 'metadata.place.city', 'metadata.seen', 'metadata.tags', 'metadata.year'],
  )
  const tags = fields.get('metadata.tags')!
  assert.deepEqual([tags.types, tags.images, tags.range], [['text', 'number'], 3, [7, 7]])
  assert.deepEqual(
    tags.values,
    [
      { value: 'a', images: 2 },
      { value: '7', images: 1 },
      { value: 'b', images: 1 },
    ].map((entry) => (entry.value === '7' ? { ...entry, value: 7 } : entry)),
  )
  const year = fields.get('metadata.year')!
  assert.deepEqual([year.types, year.images, year.range], [['number', 'null'], 3, [1999, 2020]])
  assert.deepEqual(
    year.values.map(({ value }) => value),
    [1999, 2020],
  )
  assert.deepEqual(fields.get('metadata.seen')!.values, [{ value: false, images: 1 }])
  assert.deepEqual(fields.get('metadata.place.city')!.images, 2)
})

test('values as frequent as each other are ordered as numbers or as texts; objects in a list are no values', () => {
  const many = Array.from({ length: 51 }, (_, i) => i)
  const fields = fieldsOf({ size: [10, 9], kind: ['b', 'a', { c: 1 }], many })
  for (const [name, types, values, moreValues] of [
    ['size', ['number'], [9, 10], false],
    ['kind', ['text'], ['a', 'b'], false],
    ['many', ['number'], many.slice(0, 50), true],
  ] as const) {
    const field = fields.get(`metadata.${name}`)!
    const shown = field.values.map(({ value }) => value)
    assert.deepEqual([field.types, shown, field.moreValues], [types, values, moreValues], name)
  }
})

test('every name can be used in a filter; others are omitted', () => {
  const deep = (depth: number): Metadata => (depth === 0 ? { end: 1 } : { m: deep(depth - 1) })
  const fields = fieldsOf(
    { 'a.b': 1, 'a"b': 1, 'a\\b': 1, '': 1, ['x'.repeat(65)]: 1, 'odd name': 1 },
    deep(7),
    deep(8),
    deep(30),
  )
  assert.deepEqual([...fields.keys()], [`metadata${'.m'.repeat(7)}.end`, 'metadata.odd name'])
  for (const name of fields.keys()) assert.match(name, fieldPattern)
})

test('fields, values and their lengths are bounded, and omissions are reported', () => {
  const counts = new FieldCounts()
  for (let i = 0; i < fieldBounds.counted + 20; i++)
    counts.add({ label: `label ${i}`, metadata: { [`field ${i % (fieldBounds.fields + 5)}`]: 'x' } })
  counts.add({ label: 'label 3', metadata: { [`field 0`]: 'y'.repeat(fieldBounds.valueLength + 1) } })
  const { fields, moreFields, examined } = counts.result()
  assert.deepEqual([examined, fields.length, moreFields], [fieldBounds.counted + 21, fieldBounds.fields, true])
  const label = fields[0]!
  assert.deepEqual([label.name, label.values.length, label.moreValues], ['label', fieldBounds.values, true])
  assert.deepEqual(label.values[0], { value: 'label 3', images: 2 })
  const field = fields.find(({ name }) => name === 'metadata.field 0')!
  assert.deepEqual([field.values.map(({ value }) => value), field.moreValues], [['x'], true])
})
