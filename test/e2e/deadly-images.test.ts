/** A job over which the process dies is tried a few times, the picture that does it is found, and everything else goes in. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Answer, temporaryFolder } from '../support/app.js'
import { deadlyMark } from '../support/deadly.js'
import { drawImage, drawnLabels } from '../support/drawn-images.js'
import { handmadeModel } from '../support/handmade-onnx.js'
import type { ErrorLine, Job } from '../support/jobs.js'
import { type ServiceProcess, startProcess } from '../support/service-process.js'

const deadly = { NODE_OPTIONS: `--import=${new URL('../support/deadly.js', import.meta.url).href}` }

async function settings(t: TestContext): Promise<Record<string, string>> {
  return {
    DATA_DIR: await temporaryFolder(t),
    MODEL_DIR: (await handmadeModel(t, { dimension: 24 })).folder,
    ...deadly,
  }
}

async function upload({ address }: ServiceProcess, lines: string): Promise<string> {
  await fetch(`${address}/v1/galleries/g`, { method: 'PUT' })
  const response = await fetch(`${address}/v1/galleries/g/ingest`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: lines,
  })
  assert.equal(response.status, 202)
  return ((await response.json()) as Job).id
}

/** Follows the job until it ends or the process does. */
async function follow({ address }: ServiceProcess, id: string): Promise<Job | undefined> {
  for (let waited = 0; waited < 60_000; waited += 20) {
    const job = await fetch(`${address}/v1/jobs/${id}`)
      .then((response) => response.json() as Promise<Job>)
      .catch(() => undefined)
    if (job === undefined || job.finishedAt !== null) return job
    await sleep(20)
  }
  throw new Error('the job does not end')
}

/** Starts the service until the job has ended. */
async function startUntilEnded(
  t: TestContext,
  environment: Record<string, string>,
  lines: string,
  startsMax: number,
): Promise<{ job: Job; service: ServiceProcess; starts: number }> {
  let id: string | undefined
  for (let starts = 1; starts <= startsMax; starts++) {
    const service = await startProcess(t, environment).catch((error: unknown) => {
      if (/ended with SIGKILL/.test(String(error))) return undefined
      throw error
    })
    if (service === undefined) continue
    id ??= await upload(service, lines)
    const job = await follow(service, id)
    if (job !== undefined) return { job, service, starts }
  }
  throw new Error(`the job has not ended after ${startsMax} starts`)
}

const line = (id: number, image: Buffer) =>
  `${JSON.stringify({ add: { id: String(id), image: image.toString('base64') } })}\n`

async function linesWith(deadlyAt: number[], count: number): Promise<string> {
  const picture = await drawImage(drawnLabels[0]!, 1, { width: 16, height: 16, format: 'png' })
  const marked = Buffer.concat([picture, Buffer.from(deadlyMark)])
  return Array.from({ length: count }, (_, i) =>
    line(i, deadlyAt.includes(i) ? marked : Buffer.concat([picture, Buffer.from(String(i))])),
  ).join('')
}

test('pictures over which the process dies become error lines, and everything else goes in', async (t) => {
  const environment = await settings(t)
  const { job, service, starts } = await startUntilEnded(t, environment, await linesWith([20, 35], 200), 12)
  const errors = (await (await fetch(`${service.address}/v1/jobs/${job.id}/errors`)).text())
    .split('\n')
    .filter(Boolean)
    .map((text) => JSON.parse(text) as ErrorLine)
  assert.deepEqual([job.state, job.done, job.added, job.failed], ['completed_with_errors', 200, 198, 2])
  assert.deepEqual(
    errors.map(({ item, name, code }) => [item, name, code]),
    [
      [20, '20', 'image_ended_process'],
      [35, '35', 'image_ended_process'],
    ],
  )
  t.diagnostic(`${starts} starts`)
  const { images } = (await (await fetch(`${service.address}/v1/galleries/g/images?limit=1000`)).json()) as Answer
  assert.equal(images.length, 198)
  assert.equal(await service.stop('SIGTERM'), 0)
})

test('a job that is full of them is set aside with a reason, and the next one runs', async (t) => {
  const environment = await settings(t)
  const { job, service } = await startUntilEnded(
    t,
    environment,
    await linesWith(
      Array.from({ length: 20 }, (_, i) => i),
      20,
    ),
    30,
  )
  assert.deepEqual([job.state, job.failure?.code], ['failed', 'job_interrupted'])
  assert.match(job.failure!.detail, /more than 5 pictures/)
  const next = await follow(service, await upload(service, await linesWith([], 5)))
  assert.deepEqual([next?.state, next?.added], ['succeeded', 5])
  assert.equal(await service.stop('SIGTERM'), 0)
})

test('a job that kills the process before any picture is tried a few times, then set aside', async (t) => {
  const environment = await settings(t)
  const { job, service } = await startUntilEnded(
    t,
    { ...environment, DEADLY_UPLOADS: 'yes' },
    await linesWith([], 5),
    8,
  )
  assert.deepEqual([job.state, job.failure?.code], ['failed', 'job_interrupted'])
  assert.match(job.failure!.detail, /4 times/)
  assert.equal(await service.stop('SIGTERM'), 0)
})

test('a process that is stopped in peace is no death of its job', async (t) => {
  const environment = await settings(t)
  const lines = await linesWith([], 800)
  let service = await startProcess(t, environment)
  const id = await upload(service, lines)
  for (let stops = 0; stops < 3; stops++) {
    assert.equal(await service.stop('SIGTERM'), 0)
    service = await startProcess(t, environment)
    assert.ok(!service.log.some(({ msg }) => /died over this job/.test(String(msg))))
  }
  const job = await follow(service, id)
  assert.deepEqual([job?.state, job?.added], ['succeeded', 800])
  assert.equal(await service.stop('SIGTERM'), 0)
})
