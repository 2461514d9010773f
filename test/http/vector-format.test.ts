/** Vectors as base64 instead of numbers, in answers and in queries. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Answer, startApp, type TestApp } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'
import { formBody, formHeaders } from '../support/forms.js'

const png = { 'content-type': 'image/png' }
const gallery = '/v1/galleries/g'
const url = `${gallery}/search`
const draw = (seed: number) => drawImage('square', seed, { format: 'png' })

/** Little-endian, whatever the machine. */
function bytesOf(vector: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * vector.length)
  vector.forEach((value, i) => bytes.writeFloatLE(value, 4 * i))
  return bytes
}

const base64Of = (vector: readonly number[]) => bytesOf(vector).toString('base64')

interface Filled {
  app: TestApp
  picture: Buffer
  /** Embedding of the picture. */
  vector: number[]
}

/** Three pictures, and one to search with. */
async function filled(t: TestContext): Promise<Filled> {
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url: gallery })
  for (const seed of [1, 2, 3])
    await app.call(201, { method: 'PUT', url: `${gallery}/images/${seed}`, headers: png, payload: await draw(seed) })
  const picture = await draw(9)
  const { vector } = await app.call(200, { method: 'POST', url: '/v1/embeddings', headers: png, payload: picture })
  return { app, picture, vector: vector as number[] }
}

const fieldsOf = (picture: Buffer, fields: Record<string, string>) =>
  formBody([
    ...Object.entries(fields).map(([name, content]) => ({ name, content })),
    { name: 'image', filename: 'a.png', content: picture },
  ])

test('every route with a vector in its answer writes it as base64 if requested, wherever that is said', async (t) => {
  const { app, picture, vector } = await filled(t)
  const [image, inBase64] = [picture.toString('base64'), { include: 'vector', vectorFormat: 'base64' }]
  const query = new URLSearchParams(inBase64).toString()
  const inJson = { include: ['vector'], vectorFormat: 'base64' }
  const galleries = ['g']
  const embeddings = '/v1/embeddings'
  for (const { url: at, headers, payload } of [
    { url: `${embeddings}?vectorFormat=base64`, headers: png, payload: picture },
    { url: embeddings, headers: formHeaders, payload: fieldsOf(picture, { vectorFormat: 'base64' }) },
    { url: embeddings, payload: { image, vectorFormat: 'base64' } },
    { url: `${url}?${query}`, headers: png, payload: picture },
    { url, headers: formHeaders, payload: fieldsOf(picture, inBase64) },
    { url, payload: { image, ...inJson } },
    { url: `/v1/search?${query}&galleries=g`, headers: png, payload: picture },
    { url: '/v1/search', payload: { galleries, image, ...inJson } },
  ]) {
    const answer = await app.call(200, { method: 'POST', url: at, ...(headers && { headers }), payload })
    assert.equal(answer.vector, base64Of(vector), at)
  }
  const { answers } = await app.call<{ answers: { answer: Answer }[] }>(200, {
    method: 'POST',
    url: `${url}/batch`,
    payload: {
      queries: [
        { image, ...inJson },
        { image, include: ['vector'] },
        { image, vectorFormat: 'base64' },
      ],
    },
  })
  assert.deepEqual(
    answers.map(({ answer }) => answer.vector),
    [base64Of(vector), vector, undefined],
  )
})

test('further pages of a ranking have it in the format of their own', async (t) => {
  const { app, vector } = await filled(t)
  const search = (payload: object) =>
    app.call<Answer & { nextPageToken: string }>(200, { method: 'POST', url, payload: { ...payload, k: 1 } })
  const first = await search({ vector, paged: true, include: ['vector'] })
  const second = await search({ pageToken: first.nextPageToken, include: ['vector'], vectorFormat: 'base64' })
  const third = await search({ pageToken: second.nextPageToken, include: ['vector'], vectorFormat: 'numbers' })
  assert.deepEqual([first.vector, second.vector, third.vector], [vector, base64Of(vector), vector])
})

test('a vector sent as base64 searches as its numbers do', async (t) => {
  const { app, vector } = await filled(t)
  const [base64, urlSafe] = [base64Of(vector), bytesOf(vector).toString('base64url')]
  const answersTo = async (given: unknown) => {
    const one = await app.call(200, { method: 'POST', url, payload: { vector: given } })
    const joined = await app.call(200, {
      method: 'POST',
      url: '/v1/search',
      payload: { vector: given, galleries: ['g'] },
    })
    const { answers } = await app.call<{ answers: { answer: Answer }[] }>(200, {
      method: 'POST',
      url: `${url}/batch`,
      payload: { queries: [{ vector: given }] },
    })
    return [one, joined, answers[0]!.answer].map(({ hits }) => hits.map(({ id, score }) => [id, score]))
  }
  const byNumbers = await answersTo(vector)
  assert.equal(byNumbers[0]!.length, 3)
  for (const given of [base64, urlSafe, base64.replace(/(.{60})/g, '$1\n'), base64.replace(/=+$/, '')])
    assert.deepEqual(await answersTo(given), byNumbers)
})

test('the reason why a vector is refused is stated', async (t) => {
  const { app, vector } = await filled(t)
  const bytes = bytesOf(vector)
  const doubles = Buffer.from(Float64Array.from(vector).buffer)
  const rows: [given: unknown, status: number, code: string, detail: RegExp][] = [
    ['what?', 400, 'request_invalid', /^vector is not base64\.$/],
    ['é'.repeat(20_000), 400, 'request_invalid', /^vector is not base64\.$/],
    [vector.join(), 400, 'request_invalid', /^vector is not base64\.$/],
    [bytes.subarray(1).toString('base64'), 400, 'request_invalid', /^vector must be base64 of float32.* 95 bytes\.$/],
    ['', 422, 'dimension_mismatch', /^It has 0 values instead of 24\.$/],
    [bytes.subarray(4).toString('base64'), 422, 'dimension_mismatch', /^It has 23 values instead of 24\.$/],
    [doubles.toString('base64'), 422, 'dimension_mismatch', /^It has 48 values instead of 24\.$/],
    [base64Of(vector.with(3, NaN)), 400, 'request_invalid', /^The vector has values that are not finite\.$/],
    [base64Of(vector.with(3, -Infinity)), 400, 'request_invalid', /^The vector has values that are not finite\.$/],
    [vector.with(3, 1e300), 400, 'request_invalid', /^The vector has values that are not finite\.$/],
    [base64Of(vector.with(3, 7)), 400, 'request_invalid', /^The vector is not of unit length\.$/],
    ['A'.repeat(21_849), 400, 'request_invalid', /^vector must not have more than 21848 characters\.$/],
    [7, 400, 'request_invalid', /^vector must be either array or string\.$/],
    [null, 400, 'request_invalid', /^vector must be either array or string\.$/],
    [[...vector.slice(1), 'a'], 400, 'request_invalid', /^vector\/23 must be number\.$/],
  ]
  for (const [given, status, code, detail] of rows) {
    const problem = await app.call(status, { method: 'POST', url, payload: { vector: given } })
    assert.equal(problem.code, code)
    assert.match(problem.detail ?? '', detail)
  }
  for (const at of ['/v1/embeddings?vectorFormat=hex', `${url}?vectorFormat=float32`]) {
    const { errors } = await app.call(400, { method: 'POST', url: at, headers: png, payload: await draw(1) })
    assert.deepEqual(errors, [{ in: 'query', pointer: '/vectorFormat', detail: 'must be one of numbers, base64' }])
  }
})
