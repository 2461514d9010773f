import assert from 'node:assert/strict'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { FolderMemory } from '../../../src/ingest/folders/folder-memory.js'
import { smallDisk } from '../../support/full-disk.js'
import { temporaryFolder } from '../../support/temporary-folder.js'

test('a memory that is empty or damaged is begun again, and until then remembers what was taken', async (t) => {
  const dataDir = await temporaryFolder(t)
  const watched = { gallery: 'a', folder: '/srv/a' }
  const opened = () => FolderMemory.open(dataDir, watched, 'uid')
  const first = await opened()
  await first.expect('j', [['a.jpg', '1:1']])
  assert.equal((await opened()).jobId, 'j')
  await first.settle({ taken: () => true, removed: [] })
  assert.ok((await opened()).has('a.jpg', '1:1'))
  const [name = ''] = await readdir(join(dataDir, 'folders'))
  for (const left of ['', '\n', '{"galleryUid":"uid"', '\0'.repeat(64)]) {
    await writeFile(join(dataDir, 'folders', name), left)
    assert.equal((await opened()).count, 0)
  }
})

test('a memory that a full disk has no room for takes up none of it', async (t) => {
  const disk = await smallDisk(t, 2 ** 20)
  if (disk === undefined) return t.skip('this user may not mount a disk')
  const memory = await FolderMemory.open(disk, { gallery: 'a', folder: '/srv/a' }, 'uid')
  await memory.expect('j', [['a.jpg', '1:1']])
  const names = await readdir(join(disk, 'folders'))
  const many = Array.from({ length: 50_000 }, (_, n) => [`${n}.jpg`, '1:1'] as const)
  await assert.rejects(memory.expect('k', many), { code: 'storage_full' })
  assert.deepEqual(await readdir(join(disk, 'folders')), names)
})
