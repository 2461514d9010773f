/** The file that keeps room for deletions. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Reserve, reserveName } from '../../../../src/engines/embedded/store/reserve.js'

test('a part that a killed process left is made whole, and the empty file is remembered as given away', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'alike-reserve-'))
  t.after(() => rm(folder, { recursive: true }))
  const path = join(folder, reserveName)
  await writeFile(path, Buffer.alloc(3_000))
  assert.equal(await new Reserve(folder).release(Promise.resolve()), false, 'a part is no reserve')
  assert.equal(await new Reserve(folder).take(), true)
  assert.equal((await stat(path)).size, 16 * 2 ** 20)
  assert.equal(await new Reserve(folder).release(Promise.resolve()), true)
  assert.equal((await stat(path)).size, 0)
  assert.equal(new Reserve(folder).isReleased, true)
})
