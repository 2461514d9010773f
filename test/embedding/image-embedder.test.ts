import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turnOfTheEventLoop } from 'node:timers/promises'
import { AlikeError } from '../../src/errors.js'
import { startApp } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'
import { handmadeModel } from '../support/handmade-onnx.js'

const image = await drawImage('circle', 3)
const purposes = ['search', 'upload', 'job'] as const

test('a picture has the same vector for every purpose; only stored ones get a thumbnail', async (t) => {
  const { images } = (await startApp(t, { thumbnailMaxSidePixels: 32 })).parts
  const [search, upload, job] = await Promise.all(purposes.map((purpose) => images.embed(image, { purpose })))
  for (const stored of [upload!, job!]) {
    assert.deepEqual(stored.vector, search!.vector)
    assert.deepEqual(stored.copyDescriptor, search!.copyDescriptor)
    assert.ok(stored.thumbnail!.length > 0)
  }
  assert.equal(search!.thumbnail, undefined)
  for (const { decodeMs, queueMs, embedMs } of [search!, upload!, job!])
    assert.ok(decodeMs > 0 && queueMs >= 0 && embedMs > 0)
})

test('without a size no thumbnail is made; the purpose determines the views', async (t) => {
  const { images } = (await startApp(t, { thumbnailMaxSidePixels: 0, queryViews: 2, galleryViews: 1 })).parts
  const [search, upload] = await Promise.all(purposes.map((purpose) => images.embed(image, { purpose })))
  assert.equal(upload!.thumbnail, undefined)
  assert.notDeepEqual(search!.vector, upload!.vector)
})

test('for every purpose, an aborted request is not awaited, and files that are not pictures are refused', async (t) => {
  const { models, images } = (await startApp(t)).parts
  for (const purpose of purposes) {
    const reason = new Error('gone')
    const left = images.embed(image, { purpose, signal: AbortSignal.abort(reason) })
    await assert.rejects(left, reason)
    await assert.rejects(
      images.embed(new Uint8Array(100), { purpose }),
      (error) => error instanceof AlikeError && error.code.startsWith('image_'),
    )
  }
  assert.equal(models.standard.queueDepth, 0)
})

test('the pixels of a picture are given back once it is embedded, whoever decoded it', async (t) => {
  const modelDir = (await handmadeModel(t, { inputSize: 224 })).folder
  for (const decoderProcesses of ['0', '1']) {
    const { images, decoders } = (await startApp(t, { modelDir, decoderProcesses, galleryViews: 2 })).parts
    const prepare = t.mock.method(decoders, 'prepare')
    for (const purpose of purposes) await images.embed(image, { purpose })
    const prepared = await Promise.all(prepare.mock.calls.map(({ result }) => result!))
    assert.deepEqual(
      prepared.flatMap(({ views }) => views.map(({ length }) => length)),
      [0, 0, 0, 0, 0],
    )
  }
})

test('a picture is described after it was handed to the model, which runs meanwhile', async (t) => {
  const { images, decoders, models } = (await startApp(t)).parts
  const embedder = models.standard
  const order: string[] = []
  const [prepare, embed] = [decoders.prepare.bind(decoders), embedder.embed.bind(embedder)]
  t.mock.method(decoders, 'prepare', async (...wanted: Parameters<typeof prepare>) => {
    const { describe, ...made } = await prepare(...wanted)
    return { ...made, describe: () => order.push('described') && describe!() }
  })
  t.mock.method(embedder, 'embed', (...given: Parameters<typeof embed>) => {
    order.push('handed over')
    return embed(...given)
  })
  await images.embed(image, { purpose: 'search' })
  assert.deepEqual(order, ['handed over', 'described'])
})

test('a picture that cannot be described is refused, and what the model then does with it harms nobody', async (t) => {
  const { images, decoders, models } = (await startApp(t)).parts
  const embedder = models.standard
  const prepare = decoders.prepare.bind(decoders)
  const describe = () => {
    throw new RangeError('no memory')
  }
  t.mock.method(decoders, 'prepare', async (...wanted: Parameters<typeof prepare>) => ({
    ...(await prepare(...wanted)),
    describe,
  }))
  t.mock.method(embedder, 'embed', () => Promise.reject(new AlikeError('overloaded')))
  const unhandled = t.mock.fn()
  process.on('unhandledRejection', unhandled)
  t.after(() => process.off('unhandledRejection', unhandled))
  await assert.rejects(images.embed(image, { purpose: 'search' }))
  await turnOfTheEventLoop()
  assert.equal(unhandled.mock.callCount(), 0)
})
