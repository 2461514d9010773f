import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { model, newImage } from '../../gallery/stored-images.js'
import { engineOf } from './embedded-galleries.js'
import { dataFolder, openIn } from './storage-folder.js'
import { unitVectors } from './vector-index/unit-vectors.js'

const vectors = Array.from({ length: 600 }, unitVectors({ dimension: model.dimension, seed: 3 }))
const images = vectors.map((vector, i) => newImage(`p${i}`, vector))

test('exceeding a limit is refused with a code, and existing data stays', async (t) => {
  const galleries = await openIn(t, await dataFolder(t), { storage: { galleryImagesMax: 5, writeQueueMax: 4 } })
  await galleries.create('a')
  await galleries.images.put('a', images.slice(0, 4))
  await assert.rejects(galleries.images.put('a', images.slice(4, 6)), { code: 'gallery_full' })
  await galleries.images.put('a', images.slice(0, 4)) // an upsert needs no additional room
  assert.equal((await galleries.get('a')).count, 4)
  const outcomes = await Promise.allSettled(Array.from({ length: 6 }, () => galleries.images.put('a', [images[0]!])))
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    [...Array<string>(4).fill('fulfilled'), 'rejected', 'rejected'],
  )
  assert.equal((outcomes[5] as PromiseRejectedResult).reason.code, 'overloaded')
})

test('a gallery with more pictures than are allowed by now takes no further ones, but changes of those', async (t) => {
  const dataDir = await dataFolder(t)
  const former = await openIn(t, dataDir)
  await former.create('a')
  await former.images.put('a', images.slice(0, 4))
  await former.close()
  const galleries = await openIn(t, dataDir, { storage: { galleryImagesMax: 2 } })
  await assert.rejects(galleries.images.put('a', [images[4]!]), { code: 'gallery_full' })
  await galleries.images.put('a', [newImage('p0', vectors[5]!)])
  await galleries.images.change('a', [{ put: images[1]!, unlessSame: true }, { remove: 'p2' }])
  assert.equal((await galleries.get('a')).count, 3)
})

test('a full database refuses writes, keeps reading, and accepts writes again after deletions', async (t) => {
  const galleries = await openIn(t, await dataFolder(t), { storage: { databaseMaxBytes: 600_000 } })
  await galleries.create('a')
  const thumbnail = Buffer.alloc(20_000, 7)
  let stored = 0
  await assert.rejects(
    async () => {
      for (;;)
        await galleries.images
          .put('a', [newImage(`big${stored}`, vectors[stored % 600]!, { thumbnail })])
          .then(() => stored++)
    },
    { code: 'storage_full' },
  )
  assert.ok(stored > 5)
  assert.equal((await galleries.get('a')).count, stored)
  assert.equal((await galleries.searches.search('a', { vector: vectors[1]!, k: 1 })).hits[0]?.record.id, 'big1')
  assert.equal((await galleries.searches.search('a', { vector: vectors[1]!, k: 1_000 })).hits.length, stored)
  await galleries.images.remove('a', ['big0', 'big1', 'big2'])
  await galleries.images.put('a', [newImage('after', vectors[0]!, { thumbnail })])
  assert.equal((await galleries.images.get('a', 'after'))?.id, 'after')
})

test('after closing, writes are refused; closing twice is harmless', async (t) => {
  const galleries = await openIn(t, await dataFolder(t))
  await galleries.create('a')
  const last = galleries.images.put('a', images.slice(0, 50))
  while (engineOf(galleries).writeQueueDepth === 0) await nextTurn()
  const closed = galleries.close()
  await assert.rejects(galleries.images.put('a', images.slice(0, 1)), { code: 'shutting_down' })
  assert.equal((await last).length, 50)
  await closed
  await galleries.close()
})
