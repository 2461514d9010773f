import assert from 'node:assert/strict'
import { test } from 'node:test'
import SqliteDatabase from 'better-sqlite3'
import { sqlOf } from '../../../../src/engines/embedded/store/images/filter-sql.js'
import { AlikeError } from '../../../../src/errors.js'
import { readFilter } from '../../../../src/gallery/filter.js'
import { fits } from '../../../../src/gallery/fits.js'
import type { Metadata } from '../../../../src/gallery/metadata.js'

const images: Record<string, { label: string | null; metadata: object }> = {
  a: {
    label: 'cat',
    metadata: { year: 2019, place: { city: 'Rome' }, tags: ['old', 'red'], seen: true, 'odd name': 1 },
  },
  b: { label: 'dog', metadata: { year: 2021, place: { city: 'Oslo' }, tags: [], seen: false, note: null } },
  c: { label: null, metadata: { year: '2021', score: 0.5, tags: 'red' } },
  d: { label: "o'hara; DROP TABLE image", metadata: {} },
}

const database = new SqliteDatabase(':memory:')
database.exec('CREATE TABLE image (id TEXT, label TEXT, metadata TEXT)')
for (const [id, { label, metadata }] of Object.entries(images))
  database.prepare('INSERT INTO image VALUES (?, ?, ?)').run(id, label, JSON.stringify(metadata))

/** By SQL, and by `fits`, which must agree. */
function found(given: unknown): string {
  const filter = readFilter(given)
  const { sql, parameters } = sqlOf(filter)
  const bySql = database
    .prepare(`SELECT id FROM image WHERE ${sql} ORDER BY id`)
    .pluck()
    .all(...parameters)
    .join('')
  const rows = database.prepare('SELECT * FROM image ORDER BY id').all() as Record<
    'id' | 'label' | 'metadata',
    string
  >[]
  const fitting = rows.filter((row) => fits({ ...row, metadata: JSON.parse(row.metadata) as Metadata }, filter))
  assert.equal(fitting.map(({ id }) => id).join(''), bySql, JSON.stringify(given).slice(0, 80))
  return bySql
}

test('conditions match as documented', () => {
  const rows: [filter: object, ids: string][] = [
    [{ field: 'id', equals: 'a' }, 'a'],
    [{ field: 'id', in: ['b', 'd', 'none', 7, null] }, 'bd'],
    [{ field: 'id', equals: null }, ''],
    [{ field: 'id', gt: 'a', lte: 'c' }, 'bc'],
    [{ field: 'id', exists: true }, 'abcd'],
    [{ field: 'id', exists: false }, ''],
    [{ not: { field: 'id', in: ['b', 'd'] } }, 'ac'],
    [{ field: 'metadata.id', exists: true }, ''],
    [{ field: 'label', equals: 'cat' }, 'a'],
    [{ field: 'label', equals: null }, 'c'],
    [{ field: 'label', in: ['dog', null] }, 'bc'],
    [{ field: 'label', exists: true }, 'abd'],
    [{ field: 'label', exists: false }, 'c'],
    [{ field: 'label', gte: 'd', lt: 'e' }, 'b'],
    [{ field: 'label', gte: '' }, 'abd'],
    [{ field: 'label', in: ['null', 'cat'] }, 'a'],
    [{ field: 'label', equals: "o'hara; DROP TABLE image" }, 'd'],
    [{ field: 'metadata.year', equals: 2021 }, 'b'],
    [{ field: 'metadata.year', equals: '2021' }, 'c'],
    [{ field: 'metadata.year', gt: 2018, lte: 2021 }, 'ab'],
    [{ field: 'metadata.year', lt: 2021 }, 'a'],
    [{ field: 'metadata.year', gte: '2020' }, 'c'],
    [{ field: 'metadata.score', lt: 1 }, 'c'],
    [{ field: 'metadata.place.city', in: ['Rome', 'Paris'] }, 'a'],
    [{ field: 'metadata.place', equals: 'Rome' }, ''],
    [{ field: 'metadata.place', exists: true }, 'ab'],
    [{ field: 'metadata.place', gte: '' }, ''],
    [{ field: 'metadata.constructor', exists: true }, ''],
    [{ field: 'metadata.tags.0', exists: true }, ''],
    [{ field: 'metadata.tags.length', exists: true }, ''],
    [{ field: 'metadata.note.x', exists: false }, 'abcd'],
    [{ field: 'metadata.tags', equals: 'red' }, 'ac'],
    [{ field: 'metadata.tags', in: ['old', 'new'] }, 'a'],
    [{ field: 'metadata.seen', equals: true }, 'a'],
    [{ field: 'metadata.seen', equals: false }, 'b'],
    [{ field: 'metadata.seen', equals: 1 }, ''],
    [{ field: 'metadata.note', equals: null }, 'b'],
    [{ field: 'metadata.note', exists: true }, 'b'],
    [{ field: 'metadata.note', exists: false }, 'acd'],
    [{ field: 'metadata.odd name', equals: 1 }, 'a'],
  ]
  for (const [filter, ids] of rows) assert.equal(found(filter), ids, JSON.stringify(filter))
})

test('as many values as a filter may have are compared, of every type', () => {
  const years = Array.from({ length: 999 }, (_, i) => 1_021 + i)
  assert.equal(found({ field: 'metadata.year', in: [...years, '2021'] }), 'ac')
  assert.equal(found({ not: { field: 'metadata.year', in: years.map(String) } }), 'abcd')
  assert.equal(found({ field: 'metadata.tags', in: [...years.slice(2).map(String), 'old', true] }), 'a')
  assert.equal(found({ field: 'metadata.seen', in: [true, 'red', 7, null] }), 'a')
})

test('ids and labels are found by either Unicode form, and compared as strings', () => {
  database.prepare("INSERT INTO image VALUES ('7', 'caf\u00e9', '{}')").run()
  for (const [filter, ids] of [
    [{ field: 'label', equals: 'caf\u00e9' }, '7'],
    [{ field: 'label', in: ['cafe\u0301', 'cat'] }, '7a'],
    [{ field: 'label', gt: 'cafe\u0301', lt: 'cat' }, ''],
    [{ field: 'label', gt: 'ca', lte: 'cafe\u0301' }, '7'],
    [{ field: 'id', equals: 7 }, '7'],
    [{ field: 'id', lt: 8 }, '7'],
  ] as const)
    assert.equal(found(filter), ids, JSON.stringify(filter))
  database.prepare("DELETE FROM image WHERE id = '7'").run()
})

test('numbers are compared as JavaScript reads them, however many digits they have', () => {
  for (const number of [836_142_832_459_429_200, -179_111_964_216_456_670, 2 ** 63, 1e21, 5e-324, 0.1 + 0.2, -0]) {
    database.prepare('INSERT INTO image VALUES (?, NULL, ?)').run('n', JSON.stringify({ number }))
    assert.equal(found({ field: 'metadata.number', equals: number }), 'n', String(number))
    assert.equal(found({ field: 'metadata.number', gte: number, lte: number }), 'n', String(number))
    assert.equal(
      found({
        or: [
          { field: 'metadata.number', gt: number },
          { field: 'metadata.number', lt: number },
        ],
      }),
      '',
    )
    database.prepare("DELETE FROM image WHERE id = 'n'").run()
  }
})

test('and, or and not combine; not also matches pictures that lack the field', () => {
  const red = { field: 'metadata.tags', equals: 'red' }
  const cat = { field: 'label', equals: 'cat' }
  assert.equal(found({ and: [red, cat] }), 'a')
  assert.equal(found({ or: [red, { field: 'metadata.year', equals: 2021 }] }), 'abc')
  assert.equal(found({ not: red }), 'bd')
  assert.equal(found({ not: cat }), 'bcd')
  assert.equal(found({ not: { not: cat } }), 'a')
  assert.equal(found({ and: [{ or: [cat, red] }, { not: { field: 'label', exists: true } }] }), 'c')
})

test('an invalid filter is refused with its position, and filters are bounded', () => {
  const nested = (depth: number): object => (depth === 0 ? { field: 'label', equals: 'x' } : { not: nested(depth - 1) })
  const one = { field: 'label', equals: 'x' }
  const values = (count: number) => ({ field: 'label', in: Array.from({ length: count }, String) })
  const rows: [filter: unknown, message: RegExp][] = [
    [7, /The filter is not an object/],
    [null, /not an object/],
    [[], /not an object/],
    [{}, /\/field is neither/],
    [{ field: 'ids', equals: 'x' }, /\/field/],
    [{ field: 'id.x', equals: 'x' }, /\/field/],
    [{ field: 'id', in: Array.from({ length: 1001 }, String) }, /maximum of 1000 values in all/],
    [{ field: 'label' }, /needs beside "field"/],
    [{ field: 'label', in: [] }, /needs/],
    [{ field: 'label', equals: {} }, /compares with/],
    [{ field: 'label', equals: 'x', gt: 'y' }, /needs/],
    [{ field: 'label', in: ['x', {}] }, /compares with/],
    [{ field: 'label', gt: true }, /bounds a range/],
    [{ field: 'label', gte: 'x', lt: null }, /bounds a range/],
    [{ field: 'label', lte: [] }, /bounds a range/],
    [{ field: 'metadata', equals: 1 }, /\/field/],
    [{ field: 'metadata.a"b', equals: 1 }, /\/field/],
    [{ and: [] }, /"and"/],
    [{ and: [{ or: [{ field: 'label', like: 'x' }] }] }, /\/and\/0\/or\/0 needs/],
    [{ and: 'label' }, /"and"/],
    [{ or: one }, /"or"/],
    [{ and: [one], or: [] }, /"and"/],
    [{ not: one, ...one }, /beside "not"/],
    [nested(8), /deeper than 8/],
    [{ or: new Array(100).fill(one) }, /maximum of 100 conditions in all/],
    [values(1_001), /maximum of 1000 values in all/],
    [{ and: [values(999), { field: 'label', gt: 'x', lt: 'y' }] }, /maximum of 1000 values in all/],
    [{ field: 'label', equals: 'x'.repeat(1025) }, /1024 characters/],
    [{ field: 'label', equals: Infinity }, /compares with/],
  ]
  for (const [filter, message] of rows) {
    assert.throws(
      () => readFilter(filter),
      (error) => error instanceof AlikeError && error.code === 'filter_invalid' && message.test(error.message),
      JSON.stringify(filter)?.slice(0, 80),
    )
  }
  for (const filter of [
    nested(7),
    { or: new Array(99).fill(one) },
    values(1),
    values(1_000),
    { and: [values(999), one] },
  ])
    assert.doesNotThrow(() => found(filter), JSON.stringify(filter).slice(0, 80))
})
