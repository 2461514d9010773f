/** The server's condition never excludes a match, and matches are the same as with the embedded engine's SQL. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import SqliteDatabase from 'better-sqlite3'
import { sqlOf } from '../../../src/engines/embedded/store/filter-sql.js'
import { tokensOf } from '../../../src/engines/weaviate/filter-tokens.js'
import { pushed, type Where } from '../../../src/engines/weaviate/pushed-filter.js'
import { type FilterJson, readFilter } from '../../../src/gallery/filter.js'
import { fits } from '../../../src/gallery/fits.js'
import type { JsonValue, Metadata } from '../../../src/gallery/records.js'
import { seededRandom } from '../embedded/vector-index/unit-vectors.js'

interface Image {
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

const someImage = (): Image => ({
  label: one(['red', 'Red', '5', 'true', 'é', ' red ', null]),
  metadata: someMembers(0),
})
const someField = () =>
  one([
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
  if (kind < 0.6) return { field, equals: one(scalars) }
  if (kind < 0.7) return { field, in: [one(scalars), one(scalars)] }
  if (kind < 0.8) return { field, exists: random() < 0.5 }
  const bound = () => one(scalars.filter((value) => typeof value === 'string' || typeof value === 'number'))
  const low = random() < 0.5 ? { gt: bound() } : { gte: bound() }
  return random() < 0.5 ? { field, ...low } : { field, ...low, lte: bound() }
}

/** Evaluates the condition like the server. */
function finds(where: Where | undefined, tokens: readonly string[]): boolean {
  if (where === undefined) return true
  const parts = where.filters ?? []
  if (where.operator === 'And') return parts.every((part) => finds(part, tokens))
  if (where.operator === 'Or') return parts.some((part) => finds(part, tokens))
  if (where.operator === 'Not') return !finds(parts[0], tokens)
  assert.equal(where.operator, 'ContainsAny')
  return (where.value as string[]).some((token) => tokens.includes(token))
}

test('records match as in SQL, and the server query never excludes a match', () => {
  const images = Array.from({ length: 150 }, someImage)
  const database = new SqliteDatabase(':memory:')
  database.exec('CREATE TABLE image (i INTEGER, label TEXT, metadata TEXT)')
  images.forEach(({ label, metadata }, i) =>
    database.prepare('INSERT INTO image VALUES (?, ?, ?)').run(i, label, JSON.stringify(metadata)),
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
    const found = images.flatMap((_, i) => (finds(where, tokens[i]!) ? [i] : []))
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
  ])
    assert.ok(finds(pushed(readFilter(filter)).where, tokens), JSON.stringify(filter))
})
