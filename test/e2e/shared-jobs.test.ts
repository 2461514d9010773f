/** Several processes that share a PostgreSQL and a bucket: one accepts a job, others run it, and one dies midway. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Answer, temporaryFolder } from '../support/app.js'
import { bucketServer } from '../support/bucket-server.js'
import { drawImage, drawnLabels } from '../support/drawn-images.js'
import { handmadeModel } from '../support/handmade-onnx.js'
import { postgresServer } from '../support/postgres-server.js'
import { runToExit, type ServiceProcess, startProcess } from '../support/service-process.js'
import { until } from '../support/until.js'
import { skipWithoutWeaviate, startWeaviate } from '../support/weaviate-server.js'

type Job = Answer['jobs'][number]
const pictures = 400
/** In a job that is under way for longer than its process takes to renew its lease. */
const picturesOfLongJob = 1_200
/** Time for a job with this many pictures on a crowded machine, including the expiry of a lease. */
const wholeJobMs = 200_000

async function environment(t: TestContext): Promise<Record<string, string> | undefined> {
  const server = await postgresServer(t)
  if (server === undefined) return undefined
  const { endpoint } = await bucketServer(t)
  return {
    MODEL_DIR: (await handmadeModel(t, { dimension: 24 })).folder,
    POSTGRES_URL: await server.newDatabase(),
    JOB_LEASE_SECONDS: '10',
    ORIGINALS_S3_BUCKET: 'shared',
    ORIGINALS_S3_ENDPOINT: endpoint,
    AWS_ACCESS_KEY_ID: 'alike',
    AWS_SECRET_ACCESS_KEY: 'alikealike',
  }
}

async function asked<Given = Answer>({ address }: ServiceProcess, path: string, init?: RequestInit): Promise<Given> {
  return (await (await fetch(`${address}${path}`, init)).json()) as Given
}

/** Made in the folder of the workers, which store the pictures there. */
async function makeGallery(
  t: TestContext,
  shared: Record<string, string>,
  workFolder: string,
  names = ['g'],
): Promise<void> {
  const process = await startProcess(t, { ...shared, DATA_DIR: workFolder })
  for (const name of names) await asked(process, `/v1/galleries/${name}`, { method: 'PUT' })
  assert.equal(await process.stop('SIGTERM'), 0)
}

async function sendPictures(service: ServiceProcess, count = pictures, gallery = 'g'): Promise<Job> {
  const drawn = await Promise.all(
    drawnLabels.map(async (label, n) =>
      (await drawImage(label, n, { width: 16, height: 16, format: 'png' })).toString('base64'),
    ),
  )
  const lines = Array.from({ length: count }, (_, n) =>
    JSON.stringify({ add: { id: `p${n}`, image: drawn[n % drawn.length] } }),
  )
  return asked<Job>(service, `/v1/galleries/${gallery}/ingest`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: lines.join('\n'),
  })
}

/** The states and counts in a job's events, to its end. */
async function followed({ address }: ServiceProcess, { id }: Job): Promise<Job[]> {
  const response = await fetch(`${address}/v1/jobs/${id}/events`)
  const text = await response.text()
  return [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data!) as Job)
}

test('a job accepted by one process is run by others; if its process is killed, the next one continues it', async (t) => {
  const shared = await environment(t)
  if (shared === undefined) return
  const workFolder = await temporaryFolder(t)
  await makeGallery(t, shared, workFolder)
  const [front, other] = await Promise.all(
    [0, 1].map(async () => startProcess(t, { ...shared, ROLE: 'serve', DATA_DIR: await temporaryFolder(t) })),
  )
  const job = await sendPictures(front!)
  assert.deepEqual([job.state, job.total], ['queued', pictures])
  assert.equal((await asked<Job>(other!, `/v1/jobs/${job.id}`)).state, 'queued', 'every process can answer for it')
  const events = followed(other!, job)

  const first = await startProcess(t, { ...shared, ROLE: 'work', DATA_DIR: workFolder })
  assert.equal((await fetch(`${first.address}/v1/galleries`)).status, 404, 'it is merely busy')
  assert.equal((await fetch(`${first.address}/readyz`)).status, 200)
  const seen = await until(async () => {
    const { done, finishedAt } = await asked<Job>(front!, `/v1/jobs/${job.id}`)
    assert.equal(finishedAt, null, 'the job ended before its worker could be killed')
    return done > 0 && done
  }, 'progress')
  await first.stop('SIGKILL')

  const second = await startProcess(t, { ...shared, ROLE: 'work', DATA_DIR: workFolder })
  const ended = await until(
    async () => {
      const now = await asked<Job>(front!, `/v1/jobs/${job.id}`)
      assert.ok(now.done >= seen, `${now.done} after a kill at ${seen}`)
      return now.finishedAt !== null && now
    },
    'the end of the job',
    wholeJobMs,
  )
  const { state, done, failed, added, updated, skipped } = ended
  assert.deepEqual([state, done, failed, added + updated + skipped], ['succeeded', pictures, 0, pictures])
  const told = await events
  assert.deepEqual([told[0]?.state, told.at(-1)?.state, told.at(-1)?.done], ['queued', 'succeeded', pictures])
  assert.ok(
    told.some(({ state: at, done: part }) => at === 'running' && part > 0 && part < pictures),
    'progress is reported by a process that does not run it',
  )
  assert.deepEqual(await second.stop('SIGTERM'), 0)

  // the pictures are in the engine of the workers' folder
  const { POSTGRES_URL, ...bucket } = shared
  const whole = await startProcess(t, { ...bucket, POSTGRES_URL: POSTGRES_URL!, DATA_DIR: workFolder })
  assert.equal((await asked(whole, '/v1/galleries/g')).count, pictures)
})

test('a worker runs jobs of two galleries at once; if it is killed, the next one continues both', async (t) => {
  const shared = await environment(t)
  if (shared === undefined) return
  const workFolder = await temporaryFolder(t)
  const galleries = ['g', 'h']
  await makeGallery(t, shared, workFolder, galleries)
  const front = await startProcess(t, { ...shared, ROLE: 'serve', DATA_DIR: await temporaryFolder(t) })
  const jobs: Job[] = []
  for (const gallery of galleries) jobs.push(await sendPictures(front, picturesOfLongJob, gallery))
  const read = () => Promise.all(jobs.map(({ id }) => asked<Job>(front, `/v1/jobs/${id}`)))

  const first = await startProcess(t, { ...shared, ROLE: 'work', DATA_DIR: workFolder })
  await until(async () => {
    const now = await read()
    assert.ok(now.every(({ finishedAt }) => finishedAt === null))
    return now.every(({ done }) => done > 0)
  }, 'progress of both')
  await first.stop('SIGKILL')

  const second = await startProcess(t, { ...shared, ROLE: 'work', DATA_DIR: workFolder })
  const allEnded = async () => {
    const now = await read()
    return now.every(({ finishedAt }) => finishedAt !== null) && now
  }
  for (const { state, done, failed } of await until(allEnded, 'the end of both', 2 * wholeJobMs))
    assert.deepEqual([state, done, failed], ['succeeded', picturesOfLongJob, 0])
  assert.deepEqual(await second.stop('SIGTERM'), 0)
})

test('a process that does not run a job can cancel and pause it', async (t) => {
  const shared = await environment(t)
  if (shared === undefined) return
  const workFolder = await temporaryFolder(t)
  await makeGallery(t, shared, workFolder)
  const front = await startProcess(t, { ...shared, ROLE: 'serve', DATA_DIR: await temporaryFolder(t) })
  const [paused, cancelled] = [
    await sendPictures(front, picturesOfLongJob),
    await sendPictures(front, picturesOfLongJob),
  ]
  const worker = await startProcess(t, { ...shared, ROLE: 'work', DATA_DIR: workFolder })
  const stateOf = async ({ id }: Job) => (await asked<Job>(front, `/v1/jobs/${id}`)).state
  const steer = (job: Job, steering: object) =>
    asked<Job>(front, `/v1/jobs/${job.id}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(steering),
    })
  await until(async () => (await stateOf(paused)) === 'running')
  assert.equal((await steer(paused, { paused: true })).state, 'running', 'its process learns of it at its next renewal')
  await until(async () => (await stateOf(paused)) === 'queued' && (await stateOf(cancelled)) === 'running')
  assert.equal((await asked<Job>(front, `/v1/jobs/${cancelled.id}`, { method: 'DELETE' })).state, 'cancelled')
  await steer(paused, { paused: false })
  await until(async () => (await stateOf(paused)) === 'succeeded', 'the end of the job', wholeJobMs)
  assert.equal(await stateOf(cancelled), 'cancelled')
  await worker.stop('SIGTERM')
})

test('a process that cannot fulfil its role says why and exits', async (t) => {
  const shared = await environment(t)
  if (shared === undefined) return
  const { POSTGRES_URL, ORIGINALS_S3_BUCKET, ...rest } = shared
  const DATA_DIR = await temporaryFolder(t)
  for (const [settings, message] of [
    [{ ROLE: 'work' }, /ROLE=work needs POSTGRES_URL/],
    [{ ROLE: 'serve', POSTGRES_URL }, /ROLE=serve needs ORIGINALS_S3_BUCKET/],
    [{ POSTGRES_URL: 'postgres://alike@127.0.0.1:1/none' }, /store_unreachable/],
  ] as [Record<string, string>, RegExp][]) {
    const { code, output } = await runToExit({ ...rest, ...settings, DATA_DIR })
    assert.equal(code, 1, output)
    assert.match(output, message)
  }
  const alone = await startProcess(t, { ...rest, POSTGRES_URL: POSTGRES_URL!, DATA_DIR })
  const second = await runToExit({ ...rest, POSTGRES_URL: POSTGRES_URL!, DATA_DIR: await temporaryFolder(t) })
  assert.match(second.output, /Another process shares the jobs in PostgreSQL/)
  await alone.stop('SIGTERM')
})

test('galleries in a Weaviate server are filled by a worker and searched by every server', {
  skip: skipWithoutWeaviate,
}, async (t) => {
  const shared = await environment(t)
  if (shared === undefined) return
  const weaviate = await startWeaviate()
  const { url, grpcAddress } = weaviate.settings
  const there = { ...shared, DEFAULT_ENGINE: 'weaviate', WEAVIATE_URL: url, WEAVIATE_GRPC: grpcAddress }
  const [front, other] = await Promise.all(
    [0, 1].map(async () => startProcess(t, { ...there, ROLE: 'serve', DATA_DIR: await temporaryFolder(t) })),
  )
  await asked(front!, '/v1/galleries/g', { method: 'PUT' })
  const job = await sendPictures(front!)
  const worker = async () => startProcess(t, { ...there, ROLE: 'work', DATA_DIR: await temporaryFolder(t) })
  const first = await worker()
  await until(async () => (await asked<Job>(other!, `/v1/jobs/${job.id}`)).done > 0, 'progress')
  await first.stop('SIGKILL')
  await worker() // with its own folder: everything it needs is shared
  const ended = await until(
    async () => {
      const now = await asked<Job>(other!, `/v1/jobs/${job.id}`)
      return now.finishedAt !== null && now
    },
    'the end of the job',
    wholeJobMs,
  )
  assert.deepEqual([ended.state, ended.done, ended.failed], ['succeeded', pictures, 0])
  for (const service of [front!, other!]) {
    assert.equal((await asked(service, '/v1/galleries/g')).count, pictures)
    const { hits } = await asked(service, '/v1/galleries/g/search', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ imageId: 'p7', k: 3 }),
    })
    assert.equal(hits.length, 3)
  }
  await weaviate.kill()
})
