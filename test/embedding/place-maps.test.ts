import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Embedder } from '../../src/embedding/embedder.js'
import { readModel } from '../../src/embedding/model-manifest.js'
import { PlaceMaps, type PlaceMapsOptions } from '../../src/embedding/place-maps.js'
import { openDecoders } from '../../src/image/decoders.js'
import { drawImage } from '../support/drawn-images.js'
import { tinyModel } from '../support/tiny-model.js'
import { until } from '../support/until.js'

const silent = { info() {}, warn() {}, error() {} }

async function opened(t: TestContext, options: Partial<PlaceMapsOptions> = {}): Promise<PlaceMaps> {
  const decoders = await openDecoders({
    processes: 0,
    count: 2,
    memoryMaxBytes: 2 ** 28,
    environment: {},
    logger: silent,
  })
  t.after(() => decoders.close())
  const model = await readModel(await tinyModel())
  const runtime = { precision: 'fp32' } as Embedder['runtime']
  return new PlaceMaps({
    models: { use: (_, work) => work({ model, runtime }) },
    decoders,
    maxPixels: 1e6,
    maxQueue: 2,
    idleMs: 60_000,
    logger: silent,
    ...options,
  })
}

const image = await drawImage('circle', 1)
const asked = { modelId: (await readModel(await tinyModel())).manifest.id }

test('the session is opened on demand, closed when idle, and reopened', async (t) => {
  let opens = 0
  const maps = await opened(t, { idleMs: 1, onOpen: () => void opens++ })
  t.after(() => maps.close())
  assert.equal(maps.isOpen, false)
  const first = await maps.look(image, asked)
  assert.equal(first.values.length, first.height * first.width * first.vector.length)
  await until(() => !maps.isOpen, 'the end of the session')
  assert.deepEqual(await maps.look(image, asked), first)
  assert.equal(opens, 2)
})

test('requests beyond the queue are refused, aborted ones are skipped, and closing finishes those in progress', async (t) => {
  const maps = await opened(t)
  const leaving = new AbortController()
  const [kept, left] = [maps.look(image, asked), maps.look(image, { ...asked, signal: leaving.signal })]
  assert.equal(maps.depth, 2)
  await assert.rejects(maps.look(image, asked), { code: 'overloaded' })
  leaving.abort(new Error('gone'))
  await assert.rejects(left, /gone/)
  const closing = maps.close()
  await assert.rejects(maps.look(image, asked), { code: 'shutting_down' })
  assert.ok((await kept).vector.length > 0)
  await closing
  assert.deepEqual([maps.isOpen, maps.depth], [false, 0])
})
