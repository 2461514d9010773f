/** What becomes of a judgement that is sent again. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fateOf } from '../../src/gallery/feedback-row.js'

test('a judgement is another one if its verdict differs, or a picture that it names has been replaced', () => {
  const former = { verdict: 'right', query_hash: 'q', hit_hash: 'h' }
  assert.equal(fateOf(former, undefined), 'recorded')
  assert.equal(fateOf(former, former), 'unchanged')
  for (const change of [{ verdict: 'wrong' }, { query_hash: 'another' }, { hit_hash: 'another' }])
    assert.equal(fateOf({ ...former, ...change }, former), 'changed')
  assert.equal(fateOf({ ...former, verdict: 'none' }, former), 'withdrawn')
})
