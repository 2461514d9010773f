import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { replaceFile } from '../src/durable-files.js'
import { fillDisk, smallDisk } from './support/full-disk.js'

test('on a full disk a file stays as it was, and nothing is left beside it', async (t) => {
  const disk = await smallDisk(t, 2 ** 20)
  if (disk === undefined) return t.skip('this user may not mount a disk')
  const path = join(disk, 'facts.json')
  await replaceFile(path, 'former')
  const free = await fillDisk(disk)
  await assert.rejects(replaceFile(path, Buffer.alloc(2 ** 16, 1)), { code: 'ENOSPC' })
  await free()
  assert.deepEqual([await readdir(disk), await readFile(path, 'utf8')], [['facts.json'], 'former'])
})
