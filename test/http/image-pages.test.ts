/** The embeddings of a whole gallery, page by page. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { NewImage } from '../../src/gallery/records.js'
import { unitVectors } from '../engines/embedded/vector-index/unit-vectors.js'
import { newImage, putImages } from '../gallery/stored-images.js'
import { type Answer, startApp, type TestApp } from '../support/app.js'
import { handmadeModel } from '../support/handmade-onnx.js'

const gallery = '/v1/galleries/g'
const labels = ['odd', 'even', null]

/** A gallery of `count` pictures with random embeddings. */
async function filled(
  t: TestContext,
  { count, dimension = 24, answerMaxBytes }: { count: number; dimension?: number; answerMaxBytes?: number },
): Promise<{ app: TestApp; images: NewImage[] }> {
  const model = await handmadeModel(t, { dimension, inputSize: 32 })
  const app = await startApp(t, { modelDir: model.folder, ...(answerMaxBytes && { answerMaxBytes }) })
  await app.call(201, { method: 'PUT', url: gallery })
  const makeVector = unitVectors({ dimension, seed: 83 })
  const images = Array.from({ length: count }, (_, i) => {
    const more = { label: labels[i % 3]!, metadata: { n: i }, modelId: model.manifest.id }
    return newImage(`p ${String(i).padStart(3, '0')}`, makeVector(), more)
  })
  await putImages(app.parts.galleries.images, 'g', images)
  return { app, images }
}

type Page = Pick<Answer, 'images' | 'nextCursor'>

async function pagesOf(app: TestApp, query: Record<string, string>): Promise<Page[]> {
  const pages: Page[] = []
  for (let cursor: string | undefined = ''; cursor !== undefined; cursor = pages.at(-1)!.nextCursor) {
    const parameters = new URLSearchParams({ ...query, ...(cursor !== '' && { cursor }) })
    pages.push(await app.call<Page>(200, { url: `${gallery}/images?${parameters}` }))
  }
  return pages
}

/** In single precision, as embeddings are stored. */
const vectorsOf = (images: Answer['images']) =>
  images.map(({ vector }) => (vector ? Float32Array.from(vector as number[]) : null))

test('a list has the embeddings of its pictures if requested, exactly as stored', async (t) => {
  const { app, images } = await filled(t, { count: 50 })
  const notEven = JSON.stringify({ not: { field: 'label', equals: 'even' } })
  for (const [query, fits] of [
    [{}, () => true],
    [{ label: 'odd' }, ({ label }) => label === 'odd'],
    [{ filter: notEven }, ({ label }) => label !== 'even'],
  ] satisfies [Record<string, string>, (image: NewImage) => boolean][]) {
    const expected = images.filter(fits)
    for (const limit of ['7', '1000']) {
      const listed = (await pagesOf(app, { ...query, limit, include: 'vector' })).flatMap((page) => page.images)
      assert.deepEqual(
        vectorsOf(listed),
        expected.map(({ vector }) => vector),
      )
      const plain = (await pagesOf(app, { ...query, limit })).flatMap((page) => page.images)
      assert.deepEqual(
        plain,
        listed.map(({ vector: _, ...image }) => image),
      )
    }
  }
  const problem = await app.call(400, { url: `${gallery}/images?include=thumbnail` })
  assert.equal(problem.code, 'request_invalid')
})

test('an embedding from a list searches as the picture itself does, and is what a search shows', async (t) => {
  const { app } = await filled(t, { count: 20 })
  const { images } = await app.call(200, { url: `${gallery}/images?include=vector` })
  const [{ id: imageId, vector }] = images as [Answer['images'][number]]
  const search = (payload: object) => app.call(200, { method: 'POST', url: `${gallery}/search`, payload })
  const byId = await search({ imageId, include: ['vector'], includeSelf: true })
  const byVector = await search({ vector })
  assert.deepEqual(byId.vector, vector)
  assert.equal(byVector.hits[0]?.score, 1)
  assert.deepEqual(
    byVector.hits.map(({ id, score }) => [id, score]),
    byId.hits.map(({ id, score }) => [id, score]),
  )
})

test('embeddings are written as base64 if requested, bit by bit as stored', async (t) => {
  const { app, images } = await filled(t, { count: 50 })
  const unusual = images[0]!.vector.map((value, i) => [1e-40, -3e-39][i] ?? value)
  const length = Math.hypot(...unusual)
  const vector = unusual.map((value) => value / length)
  await putImages(app.parts.galleries.images, 'g', [{ ...images[0]!, vector }])
  const list = { limit: '7', include: 'vector', vectorFormat: 'base64' }
  const listed = (await pagesOf(app, list)).flatMap((page) => page.images)
  assert.deepEqual(
    listed.map((image) => Buffer.from(image.vector as string, 'base64')),
    [{ vector }, ...images.slice(1)].map(({ vector }) => Buffer.from(vector.buffer)),
  )
  const plain = (await pagesOf(app, { limit: '7', vectorFormat: 'base64' })).flatMap((page) => page.images)
  assert.deepEqual(
    plain,
    listed.map(({ vector: _, ...image }) => image),
  )
})

test('a list continues in either format', async (t) => {
  const { app } = await filled(t, { count: 4 })
  const page = (more: string) => app.call(200, { url: `${gallery}/images?include=vector&limit=2${more}` })
  const { nextCursor } = await page('&vectorFormat=base64')
  assert.deepEqual(
    (await page(`&cursor=${nextCursor}`)).images.map(({ id, vector }) => [id, vector?.length]),
    [
      ['p 002', 24],
      ['p 003', 24],
    ],
  )
})

test('pages are shorter where their embeddings are long', async (t) => {
  const { app, images } = await filled(t, { count: 120, dimension: 1_024, answerMaxBytes: 2 ** 20 })
  const pages = await pagesOf(app, { limit: '1000', include: 'vector' })
  const numbers = (vectors: (Float32Array | null)[]) =>
    Buffer.concat(vectors.map((vector) => Buffer.from(vector!.buffer)))
  const listed = vectorsOf(pages.flatMap((page) => page.images))
  assert.ok(numbers(listed).equals(numbers(images.map(({ vector }) => vector))))
  assert.ok(pages.length > 3 && pages.length < 12, `${pages.length} pages`)
  assert.ok(pages.every((page) => JSON.stringify(page).length < 2 ** 20))
})

test('embeddings are read of a gallery whose model is not installed any more', async (t) => {
  const { app, images } = await filled(t, { count: 3 })
  await app.close()
  const modelDir = (await handmadeModel(t, { dimension: 12, inputSize: 16 })).folder
  const again = await startApp(t, { ...app.config, modelDir })
  assert.equal((await again.call(200, { url: gallery })).searchable, false)
  const listed = (await pagesOf(again, { limit: '2', include: 'vector' })).flatMap((page) => page.images)
  assert.deepEqual(
    vectorsOf(listed),
    images.map(({ vector }) => vector),
  )
})
