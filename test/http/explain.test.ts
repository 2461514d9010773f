/** Why a picture matched, on the real service with a model trained here. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import sharp from 'sharp'
import type { Static } from 'typebox'
import type { Explanation } from '../../src/http/schemas/explain.js'
import { type Answer, startApp, type TestApp } from '../support/app.js'
import { drawImage, drawnLabels } from '../support/drawn-images.js'
import { formBody, formHeaders } from '../support/forms.js'
import { rawConnection } from '../support/raw-connection.js'
import { tinyModel } from '../support/tiny-model.js'
import { until } from '../support/until.js'

type Explained = Static<typeof Explanation>
type Side = NonNullable<Explained['query']>
const gallery = '/v1/galleries/shapes'
const url = `${gallery}/explain`

async function filled(app: TestApp): Promise<void> {
  await app.call(201, { method: 'PUT', url: gallery })
  for (const label of drawnLabels)
    for (const seed of [1, 2, 3])
      await app.call(201, {
        method: 'PUT',
        url: `${gallery}/images/${label}${seed}`,
        payload: { image: (await drawImage(label, seed)).toString('base64'), label },
      })
}

const sumOf = ({ grid }: Side) => grid.flat().reduce((sum, part) => sum + part, 0)

function expectWhole(side: Side): void {
  assert.ok(Math.abs(sumOf(side) - side.sum) < 1e-3, `${sumOf(side)} against ${side.sum}`)
  const parts = side.grid.flat()
  assert.ok(Math.max(...parts) - Math.min(...parts) > 1e-3, 'places differ')
}

test('both grids sum to the score of a search, with the neighbours’ labels and the calibration', async (t) => {
  const app = await startApp(t, { modelDir: await tinyModel() })
  await filled(app)
  const payload = await drawImage('circle', 9)
  const headers = { 'content-type': 'image/jpeg' }
  const { hits } = await app.call(200, { method: 'POST', url: `${gallery}/search?k=12`, headers, payload })
  const [first, last] = [hits[0]!, hits.at(-1)!]

  for (const hit of [first, last]) {
    const told = await app.call<Explained>(200, { method: 'POST', url: `${url}?hit=${hit.id}`, headers, payload })
    assert.ok(Math.abs(told.score - hit.score) < 1e-3, `${told.score} against ${hit.score}`)
    assert.deepEqual([told.hit.id, told.hit.label, told.query?.from], [hit.id, hit.label, 'picture'])
    assert.deepEqual([told.query?.sum, told.query?.likeness], [told.score, 1])
    expectWhole(told.query!)
    const places = told.hit.places!
    expectWhole(places)
    assert.equal(places.from, 'picture')
    assert.ok(places.likeness > 0.999, 'the original is the file that was embedded')
    assert.ok([told.score, places.ownScore].some((score) => Math.abs(score - places.sum) < 1e-6))
  }

  const told = await app.call<Explained>(200, { method: 'POST', url: `${url}?hit=${first.id}`, headers, payload })
  assert.deepEqual(told.query!.area, { x: 0.125, y: 0, width: 0.75, height: 1 }, 'the middle square of 96 × 72')
  assert.equal(told.neighbours.asked, 12)
  assert.deepEqual(
    told.neighbours.labels.map(({ label, votes }) => [label, votes]).sort(),
    drawnLabels.map((label) => [label, 3]).sort(),
  )
  assert.equal(told.neighbours.labels.find(({ label }) => label === first.label)?.bestId, first.id)
  const even = told.match!.needed.find(({ pSame }) => pSame === 0.5)!
  assert.ok(told.pSame! >= 0.5 === (even.score !== null && told.score >= even.score))
  assert.ok(told.match!.thresholds.every(({ reached, score }) => reached === told.match!.bestScore! >= score))
})

test('without originals a stored query uses its thumbnail, also for a region, and a form accepts the same parameters as the URL', async (t) => {
  const app = await startApp(t, { modelDir: await tinyModel(), originals: 'none' })
  await filled(app)
  const stored = await app.call<Explained>(200, {
    method: 'POST',
    url,
    payload: { imageId: 'circle1', hit: 'circle2' },
  })
  const { hits } = await app.call(200, { method: 'POST', url: `${gallery}/search`, payload: { imageId: 'circle1' } })
  assert.equal(stored.score, hits.find(({ id }) => id === 'circle2')?.score)
  assert.equal(stored.query?.from, 'thumbnail')
  expectWhole(stored.query!)
  assert.ok(
    stored.neighbours.labels.every(({ bestId }) => bestId !== 'circle1'),
    'the query is not its own neighbour',
  )

  const region = { x: 0, y: 0, width: 0.5, height: 1 }
  const part = await app.call<Explained>(200, {
    method: 'POST',
    url,
    payload: { imageId: 'circle1', hit: 'circle2', region },
  })
  assert.ok(part.query!.area.x + part.query!.area.width <= 0.5 + 1e-9)
  assert.equal(part.query!.sum, part.score)
  expectWhole(part.query!)

  const payload = formBody([
    { name: 'image', filename: 'a.jpg', content: await drawImage('circle', 9) },
    { name: 'hit', content: 'circle2' },
    { name: 'region', content: '0,0,48,72px' },
  ])
  const sent = await app.call<Explained>(200, { method: 'POST', url, headers: formHeaders, payload })
  assert.deepEqual([sent.query?.from, sent.query?.area.x], ['picture', 0])
})

test("a hit without original and thumbnail is explained on the query's side only", async (t) => {
  const app = await startApp(t, { modelDir: await tinyModel(), originals: 'none', thumbnailMaxSidePixels: 0 })
  await filled(app)
  const image = (await drawImage('cross', 9)).toString('base64')
  const told = await app.call<Explained>(200, { method: 'POST', url, payload: { image, hit: 'cross1' } })
  expectWhole(told.query!)
  assert.equal(told.hit.places, null)
  const region = { x: 0, y: 0, width: 1, height: 1 }
  const refused = await app.call(422, { method: 'POST', url, payload: { imageId: 'cross2', hit: 'cross1', region } })
  assert.equal(refused.code, 'region_invalid')
})

test('originals count as memory of their request while they are explained', async (t) => {
  const app = await startApp(t, { modelDir: await tinyModel(), bodyMemoryMaxBytes: 2 ** 20 })
  await app.call(201, { method: 'PUT', url: gallery })
  const noise = await sharp(randomBytes(300 * 300 * 3), { raw: { width: 300, height: 300, channels: 3 } })
    .png()
    .toBuffer()
  for (const id of ['a', 'b'])
    await app.call(201, {
      method: 'PUT',
      url: `${gallery}/images/${id}`,
      headers: { 'content-type': 'image/png' },
      payload: noise,
    })
  const explained = { method: 'POST', url: `${url}?imageId=a&hit=b` } as const
  await app.call(200, explained)

  // another request holds half of the memory: there is room for one original
  const head = `POST ${gallery}/search HTTP/1.1\r\nhost: a\r\ncontent-type: image/png\r\ncontent-length: ${2 ** 18}\r\n\r\n`
  const other = rawConnection(t, await app.listen())
  other.write(head)
  const held = async () => /^alike_body_memory_bytes (\d+)$/m.exec((await app.app.inject('/metrics')).body)?.[1]
  await until(async () => (await held()) === String(2 ** 19))
  assert.equal((await app.call(429, explained)).code, 'overloaded')
  await until(async () => (await held()) === String(2 ** 19))
  other.socket.destroy()
  await until(async () => (await held()) === '0')
  await app.call(200, explained)
})

test('a match that cannot be explained is refused with a reason', async (t) => {
  const app = await startApp(t, { modelDir: await tinyModel() })
  await filled(app)
  const image = (await drawImage('circle', 9)).toString('base64')
  const pixels = { x: 0, y: 0, width: 8, height: 8, unit: 'pixel' }
  const rows: [status: number, code: string, payload: object, detail?: string][] = [
    [400, 'request_invalid', { image }],
    [400, 'image_missing', { hit: 'circle1' }],
    [400, 'request_invalid', { image, imageId: 'circle2', hit: 'circle1' }],
    [404, 'image_not_found', { image, hit: 'none' }, 'There is no none.'],
    [404, 'image_not_found', { imageId: 'missing', hit: 'circle1' }, 'There is no missing.'],
    [422, 'region_invalid', { imageId: 'circle2', hit: 'circle1', region: pixels }],
  ]
  for (const [status, code, payload, detail] of rows) {
    const problem = await app.call(status, { method: 'POST', url, payload })
    assert.equal(problem.code, code, JSON.stringify(payload))
    if (detail !== undefined) assert.equal(problem.detail, detail)
  }
  const elsewhere = { method: 'POST', url: '/v1/galleries/none/explain', payload: { image, hit: 'a' } } as const
  assert.equal((await app.call(404, elsewhere)).code, 'gallery_not_found')
})

test('a model without a map says so each time, and keeps nothing in memory', async (t) => {
  const app = await startApp(t)
  await filled(app)
  for (let i = 0; i < 2; i++) {
    const answer = await app.call<Answer>(409, { method: 'POST', url, payload: { imageId: 'circle1', hit: 'circle2' } })
    assert.equal(answer.code, 'explain_unsupported')
  }
  const { body } = await app.app.inject('/metrics')
  assert.match(body, /alike_explain_sessions 0/)
  assert.match(body, /alike_explain_sessions_opened_total 1/)
})
