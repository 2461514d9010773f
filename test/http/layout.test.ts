/** A gallery as a map: computed by a job, stored, read page by page, stale once the gallery has changed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NewImage } from '../../src/gallery/records.js'
import { unitVectors } from '../engines/embedded/vector-index/unit-vectors.js'
import { putImages } from '../gallery/stored-images.js'
import { type Answer, startApp, type TestApp, temporaryFolder } from '../support/app.js'
import type { Job } from '../support/jobs.js'
import { until } from '../support/until.js'

const gallery = '/v1/galleries/g'
const url = `${gallery}/layout`

interface Page {
  stale: boolean
  pictures: number
  madeAt: string
  method: { sampled: number; seed: number }
  points: { id: string; x: number; y: number; label: string | null; doubt: number | null }[]
  nextCursor?: string
}

const idsOf = ({ points }: Page) => points.map(({ id }) => id)

async function filled(app: TestApp, count: number): Promise<void> {
  await app.call(201, { method: 'PUT', url: gallery })
  const { id: modelId, embeddingDimension: dimension } = app.parts.models.standard.model.manifest
  const make = unitVectors({ dimension, seed: 1 })
  const images = Array.from(
    { length: count },
    (_, i): NewImage => ({
      id: `p${String(i).padStart(4, '0')}`,
      label: `l${i % 2}`,
      metadata: {},
      contentHash: `${i}`,
      modelId,
      vector: make(),
      width: 1,
      height: 1,
      format: 'jpeg',
      bytes: 1,
    }),
  )
  await putImages(app.parts.galleries.images, 'g', images)
}

async function laidOut(app: TestApp, payload?: object): Promise<Job> {
  const accepted = await app.call<Job>(202, { method: 'POST', url, ...(payload && { payload }) })
  assert.equal(accepted.kind, 'layout')
  return until(async () => {
    const job = await app.call<Job>(200, { url: `/v1/jobs/${accepted.id}` })
    return job.finishedAt !== null && job
  }, 'the end of the layout')
}

test('a layout is computed once, survives a restart, and is read page by page', async (t) => {
  const dataDir = await temporaryFolder(t)
  const app = await startApp(t, { dataDir })
  await filled(app, 1_150)
  assert.equal((await app.call(404, { url })).code, 'layout_missing')
  const job = await laidOut(app, { sample: 150, seed: 7 })
  assert.deepEqual([job.state, job.done, job.total === job.done], ['succeeded', job.total, true])
  const result = await app.call<{ kind: string; pictures: number }>(200, { url: `/v1/jobs/${job.id}/result` })
  assert.deepEqual([result.kind, result.pictures], ['layout', 1_150])
  await app.close()

  const again = await startApp(t, { dataDir, modelDir: app.config.modelDir })
  const whole = await again.call<Page>(200, { url })
  assert.deepEqual([whole.stale, whole.pictures, whole.method.sampled, whole.method.seed], [false, 1_150, 150, 7])
  assert.equal(new Set(idsOf(whole)).size, 1_150)
  assert.ok(
    whole.points.every(({ x, y, doubt }) => Math.abs(x) <= 1.001 && Math.abs(y) <= 1.001 && doubt! >= 0 && doubt! <= 1),
  )
  const first = await again.call<Page>(200, { url: `${url}?limit=700` })
  const second = await again.call<Page>(200, { url: `${url}?limit=700&cursor=${first.nextCursor}` })
  assert.deepEqual([...first.points, ...second.points], whole.points)
  assert.equal(second.nextCursor, undefined)
})

test('removed pictures are omitted, labels are current, and the layout is stale until it is computed again', async (t) => {
  const app = await startApp(t)
  await filled(app, 30)
  await laidOut(app)
  await app.call(200, { method: 'PATCH', url: `${gallery}/images/p0001`, payload: { label: 'new' } })
  const relabelled = await app.call<Page>(200, { url: `${url}?limit=2` })
  assert.deepEqual([relabelled.stale, relabelled.points[1]!.label], [false, 'new'])
  await app.call(204, { method: 'DELETE', url: `${gallery}/images/p0000` })
  const stale = await app.call<Page>(200, { url })
  assert.deepEqual([stale.stale, stale.pictures, stale.points.length], [true, 30, 29])

  await laidOut(app)
  assert.equal((await app.call<Page>(200, { url })).stale, false)
  const expired = await app.call(410, { url: `${url}?cursor=${relabelled.nextCursor}` })
  assert.equal(expired.code, 'page_expired')
  assert.equal((await app.call(400, { url: `${url}?cursor=bm9uZQ` })).code, 'request_invalid')
  await app.call(204, { method: 'DELETE', url: gallery })
  await filled(app, 3)
  assert.equal((await app.call(404, { url })).code, 'layout_missing')
})

test('a layout can be cancelled, and is bounded like every analysis', async (t) => {
  const app = await startApp(t, { analysisMaxImages: 5_000 })
  await filled(app, 4_000)
  const job = await app.call<Job>(202, { method: 'POST', url, payload: { sample: 4_000 } })
  const cancelled = await app.call<Job>(200, { method: 'DELETE', url: `/v1/jobs/${job.id}` })
  assert.equal(cancelled.state, 'cancelled')
  assert.equal((await app.call(404, { url })).code, 'layout_missing')
  assert.equal((await app.call<Answer>(400, { method: 'POST', url, payload: { sample: 5 } })).code, 'request_invalid')
  const small = await startApp(t, { analysisMaxImages: 2 })
  await filled(small, 3)
  assert.equal((await small.call(409, { method: 'POST', url })).code, 'gallery_too_large')
})
