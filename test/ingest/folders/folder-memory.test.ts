import assert from 'node:assert/strict'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { FolderMemory } from '../../../src/ingest/folders/folder-memory.js'
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
