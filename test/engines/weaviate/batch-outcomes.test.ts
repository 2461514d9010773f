import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expectRemoved, writtenOf } from '../../../src/engines/weaviate/batch-outcomes.js'
import { errorOf } from '../../../src/engines/weaviate/server-errors.js'

const success = { result: { status: 'SUCCESS' } }
const failure = (message: string) => ({ result: { status: 'FAILED', errors: { error: [{ message }] } } })

test('an object of a batch without an answer does not count as written', () => {
  assert.deepEqual(writtenOf([success, success], 2), [undefined, undefined])
  assert.throws(() => writtenOf([success], 2), /1 of 2/)
  assert.throws(() => writtenOf([], 1), /0 of 1/)
})

test('objects fail by themselves, unless another node may write them', () => {
  const [first, second] = writtenOf([success, failure('put local object: store is read-only')], 2)
  assert.deepEqual([first, second?.code], [undefined, 'storage_full'])
  for (const [message, code] of [
    ['cannot achieve consistency level "QUORUM"', 'engine_unreachable'],
    ['could not find class Alike_0 in schema', 'gallery_not_found'],
    ['context deadline exceeded', 'engine_unreachable'],
  ] as const)
    assert.throws(() => writtenOf([success, failure(message)], 2), { code })
})

test('a removal that the server cuts short is not acknowledged', () => {
  expectRemoved({})
  expectRemoved({ results: { matches: 500, limit: 10_000, objects: null } })
  const limited = { results: { matches: 500, limit: 100, objects: null } }
  assert.throws(() => expectRemoved(limited), { code: 'engine_setting_refused', message: /QUERY_MAXIMUM_RESULTS/ })
  const failed = { results: { matches: 1, limit: 100, objects: [failure('store is read-only').result] } }
  assert.throws(() => expectRemoved(failed), { code: 'storage_full' })
})

test('a gallery with more replicas than nodes is refused with the reason', () => {
  const told =
    'status 422: init sharding state: could not find enough weaviate nodes for replication: 3 available, 5 requested'
  const { code, detail } = errorOf(new Error(told))
  assert.deepEqual([code, /fewer nodes/.test(detail ?? '')], ['engine_unreachable', true])
})

test('a collection that is missing says nothing about the server, whichever request finds that out', () => {
  const failed = 'The request to Weaviate failed with status code: '
  for (const told of ['could not find class Alike_1 in schema', `${failed}404 and message: `])
    assert.equal(errorOf(new Error(told)).code, 'gallery_not_found')
  assert.equal(errorOf(new Error(`${failed}500 and message: `)).code, 'engine_unreachable')
})
