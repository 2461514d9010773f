import assert from 'node:assert/strict'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileReference, readReferenced } from '../../../src/ingest/folders/referenced-file.js'
import { temporaryFolder } from '../../support/temporary-folder.js'

test('a missing file concerns one picture, but not if its drive is gone with all files', async (t) => {
  const folder = join(await temporaryFolder(t), 'drive')
  await mkdir(folder)
  for (const name of ['a.jpg', 'b.jpg']) await writeFile(join(folder, name), name)
  const read = () => readReferenced([folder], new URL(fileReference(folder, 'a.jpg')), 100)
  assert.equal((await read()).toString(), 'a.jpg')
  await rename(folder, `${folder}-away`)
  await assert.rejects(read(), { code: 'source_unreachable' })
  await mkdir(folder)
  await assert.rejects(read(), { code: 'source_unreachable' })
  await rm(folder, { recursive: true })
  await rename(`${folder}-away`, folder)
  await rm(join(folder, 'a.jpg'))
  await assert.rejects(read(), { code: 'source_unreadable' })
})
