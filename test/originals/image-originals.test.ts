import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { FolderOriginals } from '../../src/originals/folder-originals.js'
import { type References, readOriginal } from '../../src/originals/image-originals.js'
import { temporaryFolder } from '../support/temporary-folder.js'
import { hashOf } from './original-stores.js'

test('a damaged original is read from its reference', async (t) => {
  const bytes = Buffer.from('a picture as it came')
  const contentHash = hashOf(bytes)
  const folder = await temporaryFolder(t)
  const originals = new FolderOriginals(folder)
  await originals.put(contentHash, bytes)
  await writeFile(join(folder, contentHash.slice(0, 2), contentHash.slice(2, 4), contentHash), 'a picture as it cane')
  const references: References = {
    expectGiven() {},
    expectAllowed() {},
    fetch: async () => bytes,
    expectSize: async () => {},
  }
  const read = (reference?: string) =>
    readOriginal(
      { originals, references },
      { contentHash, reference, isHeld: true },
      { signal: AbortSignal.timeout(60_000) },
    )
  await assert.rejects(read(), { code: 'data_unreadable' })
  assert.deepEqual(await read('https://shop.example/0.png'), bytes)
})
