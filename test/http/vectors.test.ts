import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startApp } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'
import { formBody, formHeaders } from '../support/forms.js'

const draw = (seed: number) => drawImage('square', seed, { format: 'png' })
const png = { 'content-type': 'image/png' }

interface Embedded {
  modelId: string
  vector: number[]
  labels: { label: string; probability: number }[]
}

test('a picture becomes the vector used for searches, and its most likely labels', async (t) => {
  const app = await startApp(t)
  const payload = await draw(1)
  const raw = await app.call<Embedded>(200, { method: 'POST', url: '/v1/embeddings', headers: png, payload })
  assert.equal(raw.vector.length, 24)
  assert.ok(Math.abs(Math.hypot(...raw.vector) - 1) < 1e-5)
  assert.equal(raw.labels.length, 4)
  assert.ok(Math.abs(raw.labels.reduce((sum, { probability }) => sum + probability, 0) - 1) < 1e-9)
  assert.deepEqual(
    raw.labels.map(({ probability }) => probability),
    raw.labels.map(({ probability }) => probability).toSorted((a, b) => b - a),
  )

  const json = await app.call<Embedded>(200, {
    method: 'POST',
    url: '/v1/embeddings',
    payload: { image: payload.toString('base64') },
  })
  assert.deepEqual(json, raw)
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g/images/one', headers: png, payload })
  const { hits } = await app.call(200, {
    method: 'POST',
    url: '/v1/galleries/g/search',
    payload: { vector: raw.vector },
  })
  assert.equal(hits[0]!.score, 1)
})

test('two pictures have the same score as in a search', async (t) => {
  const app = await startApp(t)
  const [one, two] = [await draw(1), await draw(2)]
  const compare = (images: Buffer[]) =>
    app.call<{ score: number }>(200, {
      method: 'POST',
      url: '/v1/compare',
      payload: { images: images.map((image) => image.toString('base64')) },
    })
  assert.equal((await compare([one, one])).score, 1)
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g/images/one', headers: png, payload: one })
  const { hits } = await app.call(200, { method: 'POST', url: '/v1/galleries/g/search', headers: png, payload: two })
  const { score } = await compare([one, two])
  assert.ok(score < 0.9999 && Math.abs(score - hits[0]!.score) < 1e-5)
  const form = formBody([
    { name: 'image', filename: 'a.png', content: one },
    { name: 'image', filename: 'b.png', content: two },
  ])
  assert.equal(
    (
      await app.call<{ score: number }>(200, {
        method: 'POST',
        url: '/v1/compare',
        headers: formHeaders,
        payload: form,
      })
    ).score,
    score,
  )
})

test('too few, too many and broken pictures are refused', async (t) => {
  const app = await startApp(t)
  const [one] = [await draw(1)]
  const base64 = one.toString('base64')
  const rows: [url: string, payload: object, status: number, code: string][] = [
    ['/v1/compare', { images: [base64] }, 400, 'request_invalid'],
    ['/v1/compare', { images: [base64, base64, base64] }, 400, 'request_invalid'],
    ['/v1/compare', { images: [base64, Buffer.from('no picture').toString('base64')] }, 422, 'image_unreadable'],
    ['/v1/compare', {}, 400, 'request_invalid'],
    ['/v1/embeddings', {}, 400, 'request_invalid'],
    ['/v1/embeddings?k=3', { image: base64 }, 400, 'request_invalid'],
  ]
  for (const [url, payload, status, code] of rows)
    assert.equal(
      (await app.call(status, { method: 'POST', url, payload })).code,
      code,
      `${url} ${JSON.stringify(payload).slice(0, 40)}`,
    )
  const single = formBody([{ name: 'image', filename: 'a.png', content: one }])
  assert.equal(
    (await app.call(400, { method: 'POST', url: '/v1/compare', headers: formHeaders, payload: single })).code,
    'request_invalid',
  )
})
