import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeFolder, replaceFile } from '../src/durable-files.js'
import { fillDisk, smallDisk } from './support/full-disk.js'
import { syncedPaths } from './support/synced-paths.js'
import { temporaryFolder } from './support/temporary-folder.js'

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

test('every new folder is durable, and those that were there are left alone', async (t) => {
  const folder = await temporaryFolder(t)
  const synced = await syncedPaths(t)
  await makeFolder(join(folder, 'a', 'b'))
  await makeFolder(join(folder, 'a', 'b'))
  await Promise.all([makeFolder(join(folder, 'a', 'c')), makeFolder(join(folder, 'a', 'c'))])
  assert.deepEqual(synced.slice(0, 2), [folder, join(folder, 'a')])
  assert.deepEqual(await readdir(join(folder, 'a')), ['b', 'c'])
})

test('a folder where nobody can create one is an error', { skip: process.platform !== 'linux' }, async () => {
  await assert.rejects(makeFolder('/proc/alike/data'), { code: 'ENOENT' })
})
