/** Ingestion jobs of several galleries at once. */
import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { startApp, type TestApp, temporaryFolder } from '../support/app.js'
import { linesWith } from '../support/deadly-jobs.js'
import { drawImage } from '../support/drawn-images.js'
import { endedJob, type Job, sendJob } from '../support/jobs.js'
import { until } from '../support/until.js'

const lines = { 'content-type': 'application/x-ndjson' }
const large = 1_200

async function sendLines(app: TestApp, gallery: string, count: number): Promise<Job> {
  await app.call(201, { method: 'PUT', url: `/v1/galleries/${gallery}` })
  return sendJob(app, `/v1/galleries/${gallery}`, lines, Buffer.from(await linesWith([], count)))
}

const jobOf = async ({ app }: TestApp, { id }: Job) => (await app.inject(`/v1/jobs/${id}`)).json<Job>()

test('a small upload to one gallery, and a watched folder of another, do not wait for a large upload', async (t) => {
  const folder = await temporaryFolder(t)
  await mkdir(join(folder, 'x'))
  await writeFile(join(folder, 'x', 'a.jpg'), await drawImage('circle', 1))
  const app = await startApp(t, {
    watchFolders: `watched=${folder}`,
    watchEverySeconds: 0.1,
    watchSettleSeconds: 0.05,
  })
  const huge = await sendLines(app, 'huge', large)
  await until(async () => (await jobOf(app, huge)).done > 0)
  assert.deepEqual((await endedJob(app, await sendLines(app, 'small', 10))).added, 10)
  await app.call(201, { method: 'PUT', url: '/v1/galleries/watched' })
  const stored = async () => (await app.call(200, { method: 'GET', url: '/v1/galleries/watched' })).count === 1
  await until(stored, 'that the file is stored')
  const { state, done } = await jobOf(app, huge)
  assert.ok(state === 'running' && done < large, `${state}, ${done} done`)
  assert.equal((await endedJob(app, huge)).added, large)
})

test('lists, events and metrics show every running job; one that is cancelled or deleted with its gallery stops alone', async (t) => {
  const app = await startApp(t)
  const first = await sendLines(app, 'first', large)
  const second = await sendLines(app, 'second', large)
  const running = async () =>
    (await app.call(200, { method: 'GET', url: '/v1/jobs?state=running' })).jobs.map(({ id, done }) => done > 0 && id)
  await until(async () => (await running()).filter(Boolean).length === 2)
  assert.deepEqual(await running(), [second.id, first.id])
  assert.match((await app.app.inject('/metrics')).body, /alike_ingest_jobs\{state="running"\} 2\n/)
  await app.call(204, { method: 'DELETE', url: '/v1/galleries/second' })
  const gone = await endedJob(app, second)
  assert.deepEqual([gone.state, gone.failure?.code], ['failed', 'gallery_not_found'])
  const third = await sendLines(app, 'third', large)
  await until(async () => (await jobOf(app, third)).done > 0)
  await app.call(200, { method: 'DELETE', url: `/v1/jobs/${third.id}` })
  assert.equal((await jobOf(app, first)).state, 'running')
  assert.equal((await endedJob(app, first)).added, large)
})
