import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { ItemOutcomes } from '../../src/ingest/item-outcomes.js'
import type { IntakeParts } from '../../src/ingest/new-image.js'
import { FolderOriginals } from '../../src/originals/folder-originals.js'
import { newImage } from '../gallery/stored-images.js'
import { fillDisk, smallDisk } from '../support/full-disk.js'
import { temporaryFolder } from '../support/temporary-folder.js'

test('after a switch, a picture whose kept original is damaged is read from the upload again, as one not kept is', async (t) => {
  const folder = await temporaryFolder(t)
  const originals = new FolderOriginals(folder)
  const bytes = Buffer.from('a picture')
  const contentHash = createHash('sha256').update(bytes).digest('hex')
  const outcomes = new ItemOutcomes('g', {
    parts: { originals } as unknown as IntakeParts, // no picture gets as far as the others
    signal: new AbortController().signal,
  })
  const again = () => outcomes.again({ put: newImage('p', new Float32Array(4), { contentHash }) })
  await assert.rejects(again(), { code: 'serving_changed' })
  await originals.put(contentHash, bytes)
  await writeFile(join(folder, contentHash.slice(0, 2), contentHash.slice(2, 4), contentHash), 'another one')
  await assert.rejects(originals.get(contentHash), { code: 'data_unreadable' })
  await assert.rejects(again(), { code: 'serving_changed' })
})

test('after a switch, a picture keeps the reference it was given', async (t) => {
  const originals = new FolderOriginals(await temporaryFolder(t))
  const bytes = Buffer.from('a picture')
  const contentHash = createHash('sha256').update(bytes).digest('hex')
  await originals.put(contentHash, bytes)
  const { id: _, ...seen } = newImage('p', new Float32Array(4))
  let rule = 'keep'
  const outcomes = new ItemOutcomes('g', {
    parts: {
      originals,
      references: { expectGiven() {} },
      images: { modelOf() {} },
      galleries: {
        sets: { serving: async () => ({ modelId: 'm' }) },
        rules: async () => ({ originals: rule }),
        images: { seen: async () => seen },
      },
    } as unknown as IntakeParts,
    signal: new AbortController().signal,
  })
  for (const [originals, reference] of [
    ['keep', 'https://images.example.com/a.jpg'],
    ['keep', undefined],
    ['reference', 'https://images.example.com/a.jpg'],
    ['reference', 'file:///srv/photos/a.jpg'],
  ] as const) {
    rule = originals
    const step = await outcomes.again({ put: newImage('p', new Float32Array(4), { contentHash, reference }) })
    assert.equal('put' in step && step.put.reference, reference)
  }
})

test('a picture whose original finds the disk full ends the run: the job waits, and not in the place of others', async (t) => {
  const disk = await smallDisk(t, 2 ** 20)
  if (disk === undefined) return t.skip('only root may mount a disk')
  const { id: _, ...seen } = newImage('p', new Float32Array(4))
  const outcomes = new ItemOutcomes('g', {
    parts: {
      originals: new FolderOriginals(join(disk, 'originals')),
      images: { modelOf() {} },
      galleries: {
        sets: { serving: async () => ({ modelId: 'm' }) },
        rules: async () => ({ originals: 'keep' }),
        images: { seen: async () => seen },
      },
    } as unknown as IntakeParts,
    signal: AbortSignal.timeout(10_000),
  })
  const item = { index: 0, name: 'a.png', id: 'p', bytes: Buffer.alloc(2 ** 18) }
  assert.ok('step' in (await outcomes.of(item)))
  await fillDisk(disk)
  await assert.rejects(outcomes.of({ ...item, bytes: Buffer.alloc(2 ** 18, 1) }), { code: 'storage_full' })
})
