/** The server's condition never excludes a match, and matches are the same as with the embedded engine's SQL. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import SqliteDatabase from 'better-sqlite3'
import { sqlOf } from '../../../src/engines/embedded/store/images/filter-sql.js'
import { tokensOf } from '../../../src/engines/weaviate/filter-tokens.js'
import { type WordName, wordProperties } from '../../../src/engines/weaviate/id-words.js'
import { uuidOf } from '../../../src/engines/weaviate/image-object.js'
import { pushed, type Where } from '../../../src/engines/weaviate/pushed-filter.js'
import { type FilterJson, readFilter } from '../../../src/gallery/filter.js'
import { asksMetadata, fits } from '../../../src/gallery/fits.js'
import type { JsonValue, Metadata } from '../../../src/gallery/metadata.js'
import { seededRandom } from '../embedded/vector-index/unit-vectors.js'

interface Image {
  id: string
  label: string | null
  metadata: Metadata
}

const random = seededRandom(17)
const one = <Value>(values: readonly Value[]): Value => values[Math.floor(random() * values.length)]!

const scalars = [
  'red',
  'Red',
  '',
  ' red ',
  'é',
  '\u{1f600}',
  '\uffee',
  '5',
  'true',
  5,
  -5,
  0,
  0.5,
  5.000001,
  1e21,
  true,
  false,
  null,
] as const
const names = ['a', 'b', 'a.b', 'odd name', 'é']

function someValue(depth: number): JsonValue {
  const kind = random()
  if (kind < 0.6 || depth > 2) return one(scalars)
  if (kind < 0.8) return Array.from({ length: Math.floor(random() * 4) }, () => someValue(depth + 1))
  return someMembers(depth + 1)
}

function someMembers(depth: number): Metadata {
  return Object.fromEntries(names.filter(() => random() < 0.6).map((name) => [name, someValue(depth)]))
}

/** Some alike in what the server sees of them: 48 bytes, and one Unicode form. */
const ids = [
  'a',
  'ab',
  'a/1',
  'red',
  '5',
  'true',
  'é',
  'e\u0301',
  '\u{1f600}',
  '\uffee',
  'x'.repeat(48),
  `${'x'.repeat(48)}y`,
]

const someImage = (): Image => ({
  id: one(ids),
  label: one(['red', 'Red', '5', 'true', 'é', ' red ', null]),
  metadata: someMembers(0),
})
const someField = () =>
  one([
    'id',
    'label',
    'metadata.a',
    'metadata.b',
    'metadata.a.b',
    'metadata.odd name',
    'metadata.é',
    'metadata.b.a.b',
    'metadata.none',
  ])

function someFilter(depth: number): FilterJson {
  const kind = random()
  if (depth < 3 && kind < 0.15) return { and: [someFilter(depth + 1), someFilter(depth + 1)] }
  if (depth < 3 && kind < 0.3) return { or: [someFilter(depth + 1), someFilter(depth + 1)] }
  if (depth < 3 && kind < 0.45) return { not: someFilter(depth + 1) }
  const field = someField()
  const value = () => (field === 'id' && random() < 0.7 ? one(ids) : one(scalars))
  if (kind < 0.6) return { field, equals: value() }
  if (kind < 0.7) return { field, in: [value(), value()] }
  if (kind < 0.8) return { field, exists: random() < 0.5 }
  const bounds = field === 'id' ? ids : scalars.filter((one) => typeof one === 'string' || typeof one === 'number')
  const bound = () => one<string | number>(bounds)
  const low = random() < 0.5 ? { gt: bound() } : { gte: bound() }
  return random() < 0.5 ? { field, ...low } : { field, ...low, lte: bound() }
}

/** Evaluates the condition like the server. */
function finds(where: Where | undefined, { id, tokens }: { id: string; tokens: readonly string[] }): boolean {
  if (where === undefined) return true
  const { operator, filters: parts = [], target, value } = where
  const inPart = (part: Where) => finds(part, { id, tokens })
  if (operator === 'And') return parts.every(inPart)
  if (operator === 'Or') return parts.some(inPart)
  if (operator === 'Not') return !inPart(parts[0]!)
  const { property } = target as { property: string }
  if (operator === 'ContainsAny')
    return (property === '_id' ? [uuidOf(id)] : tokens).some((one) => (value as string[]).includes(one))
  const word = wordProperties(id)[property as WordName]
  assert.ok(operator === 'GreaterThanEqual' || operator === 'LessThanEqual')
  return operator === 'GreaterThanEqual' ? word >= (value as number) : word <= (value as number)
}

test('records match as in SQL, and the server query never excludes a match', () => {
  const images = Array.from({ length: 150 }, someImage)
  const database = new SqliteDatabase(':memory:')
  database.exec('CREATE TABLE image (i INTEGER, id TEXT, label TEXT, metadata TEXT)')
  images.forEach(({ id, label, metadata }, i) =>
    database.prepare('INSERT INTO image VALUES (?, ?, ?, ?)').run(i, id, label, JSON.stringify(metadata)),
  )
  const tokens = images.map(tokensOf)
  let exact = 0
  for (let round = 0; round < 500; round++) {
    const filter = readFilter(someFilter(0))
    const { sql, parameters } = sqlOf(filter)
    const expected = database
      .prepare(`SELECT i FROM image WHERE ${sql}`)
      .pluck()
      .all(...parameters) as number[]
    const told = JSON.stringify(filter)
    assert.deepEqual(
      images.flatMap((image, i) => (fits(image, filter) ? [i] : [])),
      expected,
      told,
    )
    const { where, isExact } = pushed(filter)
    const found = images.flatMap(({ id }, i) => (finds(where, { id, tokens: tokens[i]! }) ? [i] : []))
    assert.deepEqual(
      expected.filter((i) => !found.includes(i)),
      [],
      told,
    )
    if (isExact) assert.deepEqual(found, expected, told)
    exact += Number(isExact)
  }
  assert.ok(exact > 250, `${exact} of 500 are reported as exact`)
})

test('a record with too many values for tokens is a candidate for every filter it may match', () => {
  const metadata = { list: Array.from({ length: 5_000 }, (_, i) => `v${i}`), n: 7 }
  const tokens = tokensOf({ label: 'x', metadata })
  assert.ok(tokens.length < 10)
  for (const filter of [
    { field: 'metadata.list', equals: 'v4999' },
    { field: 'metadata.n', gte: 7 },
    { not: { field: 'metadata.n', equals: 8 } },
    { field: 'label', equals: 'x' },
    { field: 'id', equals: 'a' },
  ])
    assert.ok(finds(pushed(readFilter(filter)).where, { id: 'a', tokens }), JSON.stringify(filter))
})

test('a filter asks for the metadata if one of its conditions does, however deep', () => {
  const [label, year] = [
    { field: 'label', equals: 'a' },
    { field: 'metadata.year', exists: true },
  ]
  for (const [filter, expected] of [
    [label, false],
    [year, true],
    [{ and: [label, label] }, false],
    [{ and: [label, year] }, true],
    [{ or: [year, label] }, true],
    [{ or: [{ not: label }] }, false],
    [{ not: { or: [label, { and: [label, { not: year }] }] } }, true],
  ] as const)
    assert.equal(asksMetadata(readFilter(filter)), expected, JSON.stringify(filter))
})
