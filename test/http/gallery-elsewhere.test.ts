/** Processes that share PostgreSQL, each with galleries in its own data folder. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openStores } from '../postgres/shared-stores.js'
import { type Answer, startApp, type TestApp, temporaryFolder } from '../support/app.js'
import { bucketServer } from '../support/bucket-server.js'
import { drawImage, drawnLabels } from '../support/drawn-images.js'
import { inDatabase, postgresServer } from '../support/postgres-server.js'
import { until } from '../support/until.js'

process.env.AWS_ACCESS_KEY_ID ??= 'test'
process.env.AWS_SECRET_ACCESS_KEY ??= 'test'

const gallery = '/v1/galleries/g'
const ndjson = (payload: string) => ({ headers: { 'content-type': 'application/x-ndjson' }, payload })
const image = {
  headers: { 'content-type': 'image/png' },
  payload: await drawImage(drawnLabels[0]!, 1, { width: 48, height: 48, format: 'png' }),
}

test('a gallery in the data folder of another process is refused there instead of being shown empty', async (t) => {
  const postgres = await postgresServer(t)
  if (postgres === undefined) return
  const postgresUrl = await postgres.newDatabase()
  const { endpoint } = await bucketServer(t)
  const one = await startApp(t, { postgresUrl, originalsS3Bucket: 'b', originalsS3Endpoint: endpoint })
  await one.call(201, { method: 'PUT', url: gallery })
  await one.call(201, { method: 'PUT', url: `${gallery}/images/p`, ...image })
  const two = await startApp(t, { ...one.config, dataDir: await temporaryFolder(t) })

  const elsewhere = async (app: TestApp) => (await app.call(200, { url: gallery })).elsewhere
  assert.deepEqual([await elsewhere(two), await elsewhere(one)], [true, undefined])
  const [listed] = (await two.call(200, { url: '/v1/galleries' })).galleries
  assert.deepEqual([listed!.name, listed!.elsewhere], ['g', true])
  for (const request of [
    { method: 'PUT', url: `${gallery}/images/q`, ...image },
    { method: 'DELETE', url: `${gallery}/images/p` },
    { method: 'GET', url: `${gallery}/images` },
    { method: 'POST', url: `${gallery}/search`, ...image },
    { method: 'PUT', url: gallery },
  ] as const) {
    const { code, status } = await two.call(503, request)
    assert.deepEqual([code, status], ['gallery_elsewhere', 503], `${request.method} ${request.url}`)
  }
  const hits = (await one.call(200, { method: 'POST', url: `${gallery}/search`, ...image })).hits
  assert.deepEqual(
    hits.map(({ id }) => id),
    ['p'],
  )
  const line = JSON.stringify({ add: { id: 'q', image: image.payload.toString('base64') } })
  const { id } = await two.call(202, { method: 'POST', url: `${gallery}/ingest`, ...ndjson(line) })
  const job = await until(async () => {
    const now = await two.call<Answer['jobs'][number]>(200, { url: `/v1/jobs/${id}` })
    return now.finishedAt !== null && now
  }, 'the end of the job')
  assert.deepEqual([job.state, job.added], ['succeeded', 1], 'it is run by the process that has the gallery')
  await two.call(204, { method: 'DELETE', url: gallery })
  await until(async () => (await one.app.inject(gallery)).statusCode === 404, 'it is deleted')
})

test('no job is accepted while a gallery is created: another process could take it, and would not have the gallery', async (t) => {
  const postgres = await postgresServer(t)
  if (postgres === undefined) return
  const postgresUrl = await postgres.newDatabase()
  const { endpoint } = await bucketServer(t)
  const app = await startApp(t, { postgresUrl, originalsS3Bucket: 'b', originalsS3Endpoint: endpoint })
  await app.call(201, { method: 'PUT', url: gallery })
  const upload = { method: 'POST', url: `${gallery}/ingest`, ...ndjson('') } as const
  const setAbout = (about: string) => inDatabase(postgresUrl, `UPDATE alike.embedding_set SET about = '${about}'`)
  await setAbout('{}') // as while its PUT is not yet answered
  const creator = await openStores(t, postgresUrl)
  const held = await creator.writes.shared!.hold('sets', 'g')
  assert.equal((await app.call(404, upload)).detail, 'It is being created.')
  await held!.release() // as when its process dies
  await app.call(202, upload)
})

test('a process that runs no jobs refuses those that only it could run, and accepts all others', async (t) => {
  const postgres = await postgresServer(t)
  if (postgres === undefined) return
  const postgresUrl = await postgres.newDatabase()
  const { endpoint } = await bucketServer(t)
  const serving = { postgresUrl, originalsS3Bucket: 'b', originalsS3Endpoint: endpoint, role: 'serve' as const }
  const one = await startApp(t, serving)
  await one.call(201, { method: 'PUT', url: gallery })
  const two = await startApp(t, { ...one.config, dataDir: await temporaryFolder(t) })
  const upload = { method: 'POST', url: `${gallery}/ingest`, ...ndjson('') } as const
  for (const request of [upload, { method: 'POST', url: `${gallery}/evaluate` }] as const)
    assert.equal((await one.call(409, request)).code, 'gallery_without_worker', request.url)
  assert.deepEqual((await one.call(200, { url: '/v1/jobs' })).jobs, [])
  await two.call(202, upload)
  await one.close()
  const worker = await startApp(t, { ...one.config, role: 'all' })
  const state = async () => (await worker.call(200, { url: '/v1/jobs' })).jobs[0]?.state
  await until(async () => (await state()) === 'succeeded', 'the process has come back with another role')
})

test('a process leaves jobs alone whose gallery is in an engine that is not configured there', async (t) => {
  const postgres = await postgresServer(t)
  if (postgres === undefined) return
  const postgresUrl = await postgres.newDatabase()
  const { endpoint } = await bucketServer(t)
  const app = await startApp(t, { postgresUrl, originalsS3Bucket: 'b', originalsS3Endpoint: endpoint })
  await app.call(201, { method: 'PUT', url: gallery })
  // as by another process, to which Weaviate was added first
  const { catalogue, jobs } = await openStores(t, postgresUrl)
  const { modelId, dimension } = (await catalogue.find('g'))!.set
  const set = { engine: 'weaviate', modelId, dimension }
  for (const name of ['made', 'unmade'])
    await catalogue.create({ name, uid: name, setUid: `set-${name}`, ...set, settings: {}, galleriesMax: 10 })
  await catalogue.changeSet('set-made', { about: { isMade: true } })
  for (const gallery of ['made', 'unmade']) await jobs.create({ id: gallery, gallery, source: { kind: 'lines' } })
  const { id } = await app.call(202, { method: 'POST', url: `${gallery}/ingest`, ...ndjson('') })
  await until(async () => (await jobs.get(id!))?.finishedAt !== null, 'the end of a later job')
  assert.deepEqual([(await jobs.get('made'))?.state, (await jobs.get('unmade'))?.state], ['queued', 'queued'])
  const { body } = await app.app.inject('/metrics')
  assert.match(body, /^alike_jobs_without_engine\{engine="weaviate"\} 2$/m)
  await app.call(200, { method: 'DELETE', url: '/v1/jobs/made' })
  assert.equal((await jobs.get('made'))?.state, 'cancelled')
})
