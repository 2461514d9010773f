import assert from 'node:assert/strict'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { pino } from 'pino'
import { makeKey } from '../../src/access/api-keys.js'
import { readConfig } from '../../src/config/read-config.js'
import { AlikeError } from '../../src/errors.js'
import { createMetrics } from '../../src/metrics/metrics.js'
import { openUnready } from '../../src/service/unready.js'
import { buildMetricsApp, buildUnreadyApps } from '../../src/side-apps.js'
import { startApp, temporaryFolder } from '../support/app.js'
import { rawConnection } from '../support/raw-connection.js'
import { tinyModel } from '../support/tiny-model.js'

test('a model that computes the same as its export is served, and the agreement is a metric', async (t) => {
  const app = await startApp(t, { modelDir: await tinyModel() })
  assert.match((await app.app.inject('/metrics')).body, /alike_golden_min_cosine\{precision="fp32"\} (1|0\.99999)/)
})

test('a model that computes something else is not served', async (t) => {
  const modelDir = await temporaryFolder(t)
  await cp(await tinyModel(), modelDir, { recursive: true })
  await cp(join(modelDir, 'golden', 'tiles.png'), join(modelDir, 'golden', 'rings.png'))
  await assert.rejects(startApp(t, { modelDir }), {
    code: 'golden_mismatch',
    message: /smallest cosine over 4 golden pictures is/,
  })
})

test('an unready process is alive, exposes metrics, and gives its reason to all other requests', async () => {
  const metrics = createMetrics()
  metrics.embedding.setGoldenCosine('int8', 0.5)
  const reason = new AlikeError('golden_mismatch', { detail: 'The smallest cosine is 0.5.' })
  const { app } = await buildUnreadyApps({ config: readConfig({}), metrics, logger: pino({ level: 'silent' }), reason })
  assert.equal((await app.inject('/livez')).statusCode, 200)
  assert.match((await app.inject('/metrics')).body, /alike_golden_min_cosine\{precision="int8"\} 0\.5/)
  for (const [method, url] of [
    ['GET', '/readyz'],
    ['GET', '/v1/galleries'],
    ['POST', '/v1/galleries/a/search'],
  ] as const) {
    const response = await app.inject({ method, url })
    assert.equal(response.statusCode, 503)
    assert.equal(response.json<{ code: string }>().code, 'not_ready')
    assert.match(response.json<{ detail: string }>().detail, /smallest cosine is 0\.5/)
  }
  await app.close()
})

test('an unready process answers as a ready one would: with problems, the caller’s request id and below its base path', async (t) => {
  const { app } = await buildUnreadyApps({
    config: readConfig({ BASE_PATH: '/alike' }),
    metrics: createMetrics(),
    logger: pino({ level: 'silent' }),
    reason: new AlikeError('golden_mismatch'),
  })
  t.after(() => app.close())
  assert.equal((await app.inject('/alike/livez')).statusCode, 200)
  const headers = { 'x-request-id': 'mine' }
  for (const [url, code] of [
    ['/v1/galleries', 'not_ready'],
    ['/v1/galleries/%ff', 'request_invalid'],
  ] as const) {
    const problem = (await app.inject({ url, headers })).json<{ code: string; requestId: string }>()
    assert.deepEqual([problem.code, problem.requestId], [code, 'mine'])
  }
})

test('a body that nobody reads and that never arrives does not hold a connection to the port of metrics', async (t) => {
  const config = readConfig({ METRICS_PORT: '9464', BODY_TIMEOUT_MS: '1000' })
  const app = await buildMetricsApp({ config, metrics: createMetrics(), logger: pino({ level: 'silent' }) })
  t.after(() => app.close())
  const connection = rawConnection(t, await app.listen({ host: '127.0.0.1', port: 0 }))
  connection.write('POST /metrics HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\n\r\n')
  assert.match(await connection.closed, /^HTTP\/1\.1 405/)
})

test('metrics of an unready process are on their own port if they have one', async () => {
  const { app, metricsApp, close } = await buildUnreadyApps({
    config: readConfig({ METRICS_PORT: '9464' }),
    metrics: createMetrics(),
    logger: pino({ level: 'silent' }),
    reason: new AlikeError('golden_mismatch'),
  })
  assert.match((await metricsApp!.inject('/metrics')).body, /alike_/)
  assert.equal((await app.inject('/metrics')).statusCode, 503)
  assert.equal((await app.inject('/livez')).statusCode, 200)
  await close()
})

test('metrics of an unready process need the key that those of a ready one need', async () => {
  const { key, line } = makeKey('prometheus', 'read', { verbs: ['metrics'] })
  const of = (settings: NodeJS.ProcessEnv) =>
    openUnready({
      config: readConfig({ API_KEYS: line, ...settings }),
      metrics: createMetrics(),
      logger: pino({ level: 'silent' }),
      reason: new AlikeError('golden_mismatch'),
    })
  const { app, close } = await of({})
  assert.equal((await app.inject('/metrics')).statusCode, 401)
  assert.equal((await app.inject({ url: '/metrics', headers: { 'x-api-key': key } })).statusCode, 200)
  assert.equal((await app.inject('/livez')).statusCode, 200)
  assert.equal((await app.inject('/v1/galleries')).json<{ code: string }>().code, 'not_ready')
  await close()
  const { metricsApp, close: closeOther } = await of({ METRICS_PORT: '9464', METRICS_OPEN: 'true' })
  assert.equal((await metricsApp!.inject('/metrics')).statusCode, 200)
  await closeOther()
})
