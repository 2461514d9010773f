import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Config, Settings, settingsOf } from '../../src/config/config.js'
import { startApp } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'
import { tinyModel } from '../support/tiny-model.js'

/** Refuses any picture of more than a pixel, or a kilobyte; or what takes a busy machine a tenth of a second. */
const isRefusing = (name: string) => ['imageMaxPixels', 'uploadMaxBytes'].includes(name) || name.endsWith('Ms')
/** Starts as many threads or processes. */
const isCount = (name: string) => /workers|threads|atOnce/i.test(name)

const integers = settingsOf(Settings.properties).flatMap(([name, { type, minimum, maximum }]) =>
  type === 'integer' ? [{ name, minimum: minimum!, maximum: maximum! }] : [],
)

test('with the smallest permitted number for every setting but times a picture is stored, found, explained and saved', async (t) => {
  const smallest = integers.flatMap(({ name, minimum }) => (isRefusing(name) ? [] : [[name, minimum] as const]))
  assert.ok(smallest.length > 50)
  await expectToServe(t, Object.fromEntries(smallest))
})

test('with the largest permitted number for every setting but counts of threads a picture is stored, found, explained and saved', async (t) => {
  const largest = integers.flatMap(({ name, maximum }) => (isCount(name) ? [] : [[name, maximum] as const]))
  assert.ok(largest.length > 50)
  await expectToServe(t, Object.fromEntries(largest))
})

async function expectToServe(t: TestContext, settings: Partial<Config>): Promise<void> {
  const app = await startApp(t, { ...settings, embedWorkers: 1, modelDir: await tinyModel() })
  const gallery = '/v1/galleries/shapes'
  const image = { headers: { 'content-type': 'image/jpeg' }, payload: await drawImage('circle', 1) }
  await app.call(201, { method: 'PUT', url: gallery })
  await app.call(201, { method: 'PUT', url: `${gallery}/images/a`, ...image })
  const { hits } = await app.call(200, { method: 'POST', url: `${gallery}/search?k=1`, ...image })
  assert.deepEqual(
    hits.map(({ id }) => id),
    ['a'],
  )
  await app.call(200, { method: 'POST', url: `${gallery}/explain?hit=a`, ...image })
  await app.call(202, { method: 'POST', url: '/v1/snapshots' })
}
