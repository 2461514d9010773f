import assert from 'node:assert/strict'
import { test } from 'node:test'
import { goneFiles, withoutNamesakes } from '../../../src/ingest/folders/gone-files.js'

test('files that are gone, without those whose id another file has', async () => {
  const paths = new Set(['a.jpg', 'sub/caf\u00e9.jpg', 'sub/b.jpg'])
  const gone = await goneFiles(['a.jpg', 'sub/cafe\u0301.jpg', 'sub\\b.jpg', 'c.jpg', 'sub/c.jpg'], paths)
  assert.deepEqual(gone, ['sub/cafe\u0301.jpg', 'sub\\b.jpg', 'c.jpg', 'sub/c.jpg'])
  assert.deepEqual(await withoutNamesakes(gone, paths), ['c.jpg', 'sub/c.jpg'])
  assert.deepEqual(await withoutNamesakes([], paths), [])
})

test('requests get their turn while the files of a large folder are looked through', async () => {
  const taken = Array.from({ length: 5_000 }, (_, i) => `${i}.jpg`)
  let [turns, isOver] = [0, false]
  const count = () => {
    turns++
    if (!isOver) setImmediate(count)
  }
  setImmediate(count)
  const gone = await goneFiles(taken, new Set(taken.slice(1)))
  const [afterGone] = [turns]
  await withoutNamesakes(gone, taken)
  isOver = true
  assert.deepEqual(gone, ['0.jpg'])
  assert.ok(afterGone >= 4 && turns - afterGone >= 4, `${afterGone} and ${turns - afterGone} turns`)
})
