import assert from 'node:assert/strict'
import { test } from 'node:test'
import { changedOptions, newOptions, originalsModes, rulesOf } from '../../src/gallery/gallery-options.js'

test('a gallery that has released its originals keeps no others, whatever the default becomes', () => {
  const options = changedOptions(newOptions({}), { releaseOriginals: true })
  const modes = originalsModes.map((standard) => rulesOf(options, standard).originals)
  assert.deepEqual(modes, ['none', 'reference', 'none'])
  const again = rulesOf(changedOptions(options, { originals: 'keep' }), 'none')
  assert.deepEqual([again.originals, again.holdsOriginals], ['keep', true])
})

test('a limit on pictures stays until it is changed or lifted, and may be 0', () => {
  assert.deepEqual(newOptions({ maxImages: null }), {})
  const options = newOptions({ maxImages: 0 })
  assert.deepEqual(options, { maxImages: 0 })
  assert.deepEqual(changedOptions(options, { keepQueries: 3 }), { maxImages: 0, keepQueries: 3 })
  assert.deepEqual(changedOptions(options, { maxImages: 9 }), { maxImages: 9 })
  assert.deepEqual(changedOptions(options, { maxImages: null }), {})
  assert.equal(rulesOf(options, 'keep').maxImages, 0)
  assert.ok(!('maxImages' in rulesOf({}, 'keep')))
})
