/** Galleries in a Weaviate server beside embedded ones, over HTTP. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { startApp, type TestApp } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'
import { until } from '../support/until.js'
import { settingsOf, skipWithoutWeaviate, startWeaviate } from '../support/weaviate-server.js'

const needsServer = { skip: skipWithoutWeaviate }
const headers = { 'content-type': 'image/png' }
const draw = (seed: number) => drawImage('square', seed, { format: 'png' })

async function put(app: TestApp, gallery: string, seed: number, status = 201): Promise<unknown> {
  const url = `/v1/galleries/${gallery}/images/p${seed}?label=square`
  return app.call(status, { method: 'PUT', url, headers, payload: await draw(seed) })
}

const search = async (app: TestApp, gallery: string, seed: number, status = 200) =>
  app.call(status, { method: 'POST', url: `/v1/galleries/${gallery}/search?k=3`, headers, payload: await draw(seed) })

const create = (app: TestApp, status: number, gallery: string, payload: object) =>
  app.call(status, { method: 'PUT', url: `/v1/galleries/${gallery}`, payload })

async function started(t: TestContext) {
  const server = await startWeaviate()
  t.after(() => server.kill())
  return { server, app: await startApp(t, { ...settingsOf(server), weaviateTimeoutMs: 3_000 }) }
}

test('a gallery chooses its engine, and its layout there', needsServer, async (t) => {
  const { app } = await started(t)
  const far = { engine: 'weaviate', shards: 2, replicas: 1, quantisation: 'none' }
  assert.equal((await create(app, 201, 'far', far)).engine, 'weaviate')
  assert.equal((await create(app, 201, 'near', {})).engine, 'embedded')
  assert.equal((await create(app, 200, 'far', far)).engine, 'weaviate')
  assert.equal((await create(app, 200, 'far', {})).engine, 'weaviate')
  assert.equal((await create(app, 409, 'far', { ...far, shards: 3 })).code, 'gallery_exists')
  assert.equal((await create(app, 409, 'far', { engine: 'embedded' })).code, 'gallery_exists')
  assert.equal((await create(app, 422, 'other', { engine: 'none' })).code, 'engine_not_found')
  assert.equal((await create(app, 409, 'other', { engine: 'embedded', shards: 2 })).code, 'engine_unsupported')
  await app.call(404, { url: '/v1/galleries/other' })

  for (const gallery of ['far', 'near']) {
    for (const seed of [1, 2, 3]) await put(app, gallery, seed)
    const { hits } = await search(app, gallery, 2)
    assert.deepEqual([hits[0]?.id, hits[0]?.score], ['p2', 1])
  }
  const [far1, near1] = [await search(app, 'far', 1), await search(app, 'near', 1)]
  assert.deepEqual(
    far1.hits.map(({ id, score }) => [id, score]),
    near1.hits.map(({ id, score }) => [id, score]),
  )
  const { galleries } = await app.call(200, { url: '/v1/galleries' })
  assert.deepEqual(
    galleries.map(({ name, engine, count }) => [name, engine, count]),
    [
      ['far', 'weaviate', 3],
      ['near', 'embedded', 3],
    ],
  )
  await app.call(204, { method: 'DELETE', url: '/v1/galleries/far' })
  assert.equal((await create(app, 201, 'far', far)).count, 0)
})

test(
  'while the server is down, requests to its galleries are refused with a code, others are served, and readiness reports it',
  needsServer,
  async (t) => {
    const { app, server } = await started(t)
    await create(app, 201, 'far', { engine: 'weaviate' })
    await create(app, 201, 'near', {})
    for (const gallery of ['far', 'near']) await put(app, gallery, 1)
    await server.kill()

    assert.equal(((await search(app, 'far', 1, 503)) as { code: string }).code, 'engine_unreachable')
    assert.equal(((await put(app, 'far', 2, 503)) as { code: string }).code, 'engine_unreachable')
    assert.equal((await search(app, 'near', 1)).hits[0]?.id, 'p1')
    await put(app, 'near', 2)
    const { galleries } = await app.call(200, { url: '/v1/galleries' })
    assert.deepEqual(
      galleries.map(({ name, unreachable }) => [name, unreachable]),
      [
        ['far', true],
        ['near', undefined],
      ],
    )
    const ready = await app.call<{ unreachable?: { engine: string }[] }>(200, { url: '/readyz' })
    assert.deepEqual(
      ready.unreachable?.map(({ engine }) => engine),
      ['weaviate'],
    )
    const metrics = await app.call<string>(200, { url: '/metrics' })
    assert.match(metrics, /alike_engine_unreachable\{engine="weaviate"\} 1/)
    assert.match(metrics, /alike_engine_unreachable\{engine="embedded"\} 0/)
    const task = { kind: 'duplicates', limit: 10 } as const
    const { job } = await app.parts.jobs.create({ id: 'j', gallery: 'far', source: task, kind: task.kind })
    await until(() => app.log.some(({ msg }) => String(msg).startsWith('job waits')), 'the job finds the server down')

    await server.start()
    await until(async () => (await app.parts.jobs.report(job.id)).job.state === 'succeeded', 'the job goes on')
    await until(async () => (await app.app.inject({ url: '/v1/galleries/far' })).json<{ count: number }>().count === 1)
    assert.equal((await search(app, 'far', 1)).hits[0]?.id, 'p1')
    assert.equal((await app.call<{ unreachable?: object }>(200, { url: '/readyz' })).unreachable, undefined)
  },
)

test(
  'a gallery whose collection was dropped externally is reported as lost, and not recreated',
  needsServer,
  async (t) => {
    const { app, server } = await started(t)
    await create(app, 201, 'far', { engine: 'weaviate' })
    await create(app, 201, 'other', { engine: 'weaviate' })
    for (const gallery of ['far', 'other']) await put(app, gallery, 1)
    const { setUid } = await app.parts.galleries.listed('far')
    const collection = `${server.settings.url}/v1/schema/Alike_${setUid}`
    assert.equal((await fetch(collection, { method: 'DELETE' })).status, 200)

    const code = (answer: unknown) => (answer as { code: string }).code
    assert.equal(code(await search(app, 'far', 1, 503)), 'gallery_lost')
    assert.equal(code(await put(app, 'far', 2, 503)), 'gallery_lost')
    assert.equal((await create(app, 503, 'far', { engine: 'weaviate' })).code, 'gallery_lost')
    assert.equal((await fetch(collection)).status, 404)
    assert.equal((await search(app, 'other', 1)).hits[0]?.id, 'p1')
    const { galleries } = await app.call(200, { url: '/v1/galleries' })
    assert.deepEqual(
      galleries.map(({ name, lost, unreachable }) => [name, lost, unreachable]),
      [
        ['far', true, undefined],
        ['other', undefined, undefined],
      ],
    )
    const metrics = await app.call<string>(200, { url: '/metrics' })
    assert.match(metrics, /alike_gallery_lost\{gallery="far"\} 1\nalike_gallery_lost\{gallery="other"\} 0/)
    assert.match(metrics, /alike_engine_unreachable\{engine="weaviate"\} 0/)

    await app.call(204, { method: 'DELETE', url: '/v1/galleries/far' })
    assert.equal((await create(app, 201, 'far', { engine: 'weaviate' })).count, 0)
    await put(app, 'far', 1)
  },
)

test('an unreachable default engine prevents the start', async (t) => {
  await assert.rejects(startApp(t, { weaviateUrl: '', defaultEngine: 'weaviate' }), { code: 'config_invalid' })
})
