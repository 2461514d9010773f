import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseVariant, variantsOf } from '../../bench/variants.js'

test('a variant names its variables, whose values may contain commas', () => {
  assert.deepEqual(parseVariant('few:CUDA_BATCH_SIZES=1,16,EMBED_WORKERS=2'), {
    name: 'few',
    settings: { CUDA_BATCH_SIZES: '1,16', EMBED_WORKERS: '2' },
  })
  for (const text of ['few', 'few:size=1', ':A=1']) assert.throws(() => parseVariant(text), /is not name:KEY=VALUE/)
  assert.deepEqual(variantsOf({ variants: [] }), [{ name: 'as configured', settings: {} }])
  assert.deepEqual(
    variantsOf({ batchSizes: '1,4; 16', workers: '1,2', variants: ['x:A=1'] }).map(({ name }) => name),
    ['sizes 1,4, 1 workers', 'sizes 1,4, 2 workers', 'sizes 16, 1 workers', 'sizes 16, 2 workers', 'x'],
  )
})
