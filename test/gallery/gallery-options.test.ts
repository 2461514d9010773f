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
