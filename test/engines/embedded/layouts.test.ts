/** What becomes of layouts while they are written. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { model } from '../../gallery/stored-images.js'
import { engineOf } from './embedded-galleries.js'
import { dataFolder, openIn } from './storage-folder.js'

test('a layout whose gallery is removed while it is written fails as one of a gallery that is gone', async (t) => {
  const galleries = await openIn(t, await dataFolder(t))
  await galleries.create('a')
  const { layouts } = engineOf(galleries)
  const { uid } = await galleries.sets.serving('a')
  const method = { pcaDimensions: 8, sampled: 1, neighbours: 1, seed: 1 }
  const points = Array.from({ length: 20_000 }, (_, i) => ({ id: `p${i}`, x: 0, y: 0, doubt: null }))
  const saved = layouts.save(uid, { modelId: model.id, mark: '1', images: points.length, method }, points)
  const [outcome] = await Promise.allSettled([saved, galleries.delete('a')])
  assert.ok(outcome.status === 'rejected')
  assert.equal((outcome.reason as { code?: unknown }).code, 'gallery_not_found')
})

test('a layout waits while the queue of writes is full', async (t) => {
  const galleries = await openIn(t, await dataFolder(t), { storage: { writeQueueMax: 1 } })
  await galleries.create('a')
  const { layouts } = engineOf(galleries)
  const { uid } = await galleries.sets.serving('a')
  const method = { pcaDimensions: 8, sampled: 1, neighbours: 1, seed: 1 }
  const change = galleries.changeRules('a', { originals: 'keep' }) // takes the only place at once
  await layouts.save(uid, { modelId: model.id, mark: '1', images: 1, method }, [{ id: 'p', x: 0, y: 0, doubt: null }])
  await change
  assert.equal((await layouts.about(uid))?.images, 1)
})
