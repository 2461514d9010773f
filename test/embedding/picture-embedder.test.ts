import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AlikeError } from '../../src/errors.js'
import { startApp } from '../support/app.js'
import { drawPicture } from '../support/drawn-pictures.js'

const picture = await drawPicture('circle', 3)
const purposes = ['search', 'upload', 'job'] as const

test('one picture has one vector, whatever it is embedded for; a thumbnail is made of what is stored', async (t) => {
  const { pictures } = (await startApp(t, { thumbnailMaxSidePixels: 32 })).parts
  const [search, upload, job] = await Promise.all(purposes.map((purpose) => pictures.embed(picture, { purpose })))
  for (const stored of [upload!, job!]) {
    assert.deepEqual(stored.vector, search!.vector)
    assert.deepEqual(stored.copyDescriptor, search!.copyDescriptor)
    assert.ok(stored.thumbnail!.length > 0)
  }
  assert.equal(search!.thumbnail, undefined)
  for (const { decodeMs, queueMs, embedMs } of [search!, upload!, job!])
    assert.ok(decodeMs > 0 && queueMs >= 0 && embedMs > 0)
})

test('without a size no thumbnail is made; views are those of the purpose', async (t) => {
  const { pictures } = (await startApp(t, { thumbnailMaxSidePixels: 0, queryViews: 2, galleryViews: 1 })).parts
  const [search, upload] = await Promise.all(purposes.map((purpose) => pictures.embed(picture, { purpose })))
  assert.equal(upload!.thumbnail, undefined)
  assert.notDeepEqual(search!.vector, upload!.vector)
})

test('who has left is not waited for, and what is no picture is refused, for every purpose', async (t) => {
  const { embedder, pictures } = (await startApp(t)).parts
  for (const purpose of purposes) {
    const reason = new Error('gone')
    const left = pictures.embed(picture, { purpose, signal: AbortSignal.abort(reason) })
    await assert.rejects(left, reason)
    await assert.rejects(
      pictures.embed(new Uint8Array(100), { purpose }),
      (error) => error instanceof AlikeError && error.code.startsWith('image_'),
    )
  }
  assert.equal(embedder.queueDepth, 0)
})
