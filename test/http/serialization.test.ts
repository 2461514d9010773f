import assert from 'node:assert/strict'
import { test } from 'node:test'
import { serialiserFactory } from '../../src/http/serialization.js'

const named = {
  Problem: { $id: 'Problem', type: 'object', properties: { code: { type: 'string' } } },
  Hit: { $id: 'Hit', type: 'object', properties: { id: { type: 'string' }, labels: { $ref: 'Labels#' } } },
  Labels: { $id: 'Labels', type: 'array', items: { type: 'string' } },
  Tree: { $id: 'Tree', type: 'object', properties: { name: { type: 'string' }, inner: { $ref: 'Tree#' } } },
  // would be refused if it were examined
  Broken: { $id: 'Broken', type: 7 },
}

test('responses with the same schema share one serialiser', () => {
  const serialiserOf = serialiserFactory(named)
  const one = serialiserOf({ schema: { $ref: 'Problem#' } })
  assert.equal(serialiserOf({ schema: { $ref: 'Problem#' } }), one)
  assert.notEqual(serialiserOf({ schema: { $ref: 'Hit#' } }), one)
})

test('references are followed through references, also recursively; members missing from the schema are omitted', () => {
  const serialiserOf = serialiserFactory(named)
  const hits = { type: 'object', properties: { hits: { type: 'array', items: { $ref: 'Hit#' } } } }
  const rows: [schema: object, answer: unknown, json: string][] = [
    [hits, { hits: [{ id: 'a', labels: ['b'], slot: 7 }] }, '{"hits":[{"id":"a","labels":["b"]}]}'],
    [{ $ref: 'Tree#' }, { name: 'a', inner: { name: 'b' } }, '{"name":"a","inner":{"name":"b"}}'],
    [named.Tree, { name: 'a', inner: { name: 'b' } }, '{"name":"a","inner":{"name":"b"}}'],
    [{ $ref: 'Problem#' }, { code: 'not_ready', stack: 'secret' }, '{"code":"not_ready"}'],
  ]
  for (const [schema, answer, json] of rows) assert.equal(serialiserOf({ schema })(answer), json)
})

test('a value beyond a limit is written all the same, also where alternatives are told apart', () => {
  const label = { anyOf: [{ type: 'string', minLength: 1, maxLength: 3, pattern: '^a' }, { type: 'null' }] }
  const share = { anyOf: [{ type: 'number', minimum: 0, exclusiveMaximum: 1 }, { type: 'null' }] }
  const properties = { pattern: label, maximum: share }
  const serialiserOf = serialiserFactory({ Limited: { $id: 'Limited', type: 'object', properties } })
  for (const schema of [{ type: 'object', properties }, { $ref: 'Limited#' }])
    for (const answer of [
      { pattern: 'beyond', maximum: 7 },
      { pattern: '', maximum: -1 },
      { pattern: null, maximum: null },
    ])
      assert.equal(serialiserOf({ schema })(answer), JSON.stringify(answer))
})

test('an unknown reference is refused when the route is registered', () => {
  assert.throws(() => serialiserFactory(named)({ schema: { $ref: 'Nobody#' } }))
})
