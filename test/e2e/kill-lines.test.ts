/**
 * kill -9 during an NDJSON upload that repeatedly stores, replaces and removes the same ids: the result depends on
 * every line being executed once, in order.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../src/eval/random.js'
import { type Answer, temporaryFolder } from '../support/app.js'
import { drawImage, drawnLabels } from '../support/drawn-images.js'
import { handmadeModel } from '../support/handmade-onnx.js'
import { type ServiceProcess, startProcess } from '../support/service-process.js'
import { until } from '../support/until.js'

type Job = Answer['jobs'][number]
const linesInAll = 1_500
const ids = 60
const killsWanted = 3

test('a job of adds and deletes that is killed repeatedly executes every line once, in order', async (t) => {
  const environment = {
    EXACT_BELOW: '20',
    GRAPH_CACHE_AFTER_WRITES: '40',
    GRAPH_CACHE_AFTER_SECONDS: '1',
    DATA_DIR: await temporaryFolder(t),
    MODEL_DIR: (await handmadeModel(t, { dimension: 24 })).folder,
  }
  const pictures = await Promise.all(
    Array.from({ length: 12 }, (_, n) => drawImage(drawnLabels[n % 4]!, n, { width: 16, height: 16, format: 'png' })),
  )
  const { lines, left, counts } = script(pictures)

  let service = await startProcess(t, environment)
  await fetch(`${service.address}/v1/galleries/lines`, { method: 'PUT' })
  const accepted = await fetch(`${service.address}/v1/galleries/lines/ingest`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: lines,
  })
  const { id, total } = (await accepted.json()) as Job
  assert.equal(total, linesInAll)

  let kills = 0
  for (let seen = 0; kills < killsWanted; kills++) {
    const job = await jobWhen(service, id, ({ done, finishedAt }) => done > seen || finishedAt !== null)
    if (job.finishedAt !== null) break
    seen = job.done
    assert.equal(await service.stop('SIGKILL'), 'SIGKILL')
    service = await startProcess(t, environment)
    const resumed = await jobWhen(service, id, () => true)
    assert.ok(resumed.done >= seen, `${resumed.done} after a kill at ${seen}`)
  }
  assert.ok(kills > 0, 'the job ended before it could be killed')

  const job = await jobWhen(service, id, ({ finishedAt }) => finishedAt !== null)
  const { state, done, failed, added, updated, removed, skipped } = job
  assert.deepEqual(
    { state, done, failed, added, updated, removed, skipped },
    { state: 'succeeded', done: linesInAll, failed: 0, ...counts },
  )

  const gallery = `${service.address}/v1/galleries/lines`
  const { images } = (await (await fetch(`${gallery}/images?limit=1000`)).json()) as Answer
  assert.deepEqual(
    new Map(images.map(({ id, label }) => [id, label])),
    new Map([...left].sort(([a], [b]) => (a < b ? -1 : 1)).map(([id, n]) => [id, `line ${n}`])),
  )
  const { hits } = (await (
    await fetch(`${gallery}/search?k=1000`, {
      method: 'POST',
      headers: { 'content-type': 'image/png' },
      body: new Uint8Array(pictures[0]!),
    })
  ).json()) as Answer
  assert.deepEqual(
    hits.map(({ id }) => id).sort(),
    [...left.keys()].sort(),
    'search finds what is left and nothing that was removed',
  )
  assert.equal(await service.stop('SIGTERM'), 0)
})

/** Lines and their expected result. Each add has its own label, so that none is a no-op. */
function script(pictures: Buffer[]) {
  const random = seededRandom(7)
  const left = new Map<string, number>()
  const counts = { added: 0, updated: 0, removed: 0, skipped: 0 }
  const lines = Array.from({ length: linesInAll }, (_, n) => {
    const id = `picture ${Math.floor(random() * ids)}`
    if (random() < 0.4) {
      counts[left.delete(id) ? 'removed' : 'skipped'] += 1
      return `{"delete": {"id": "${id}"}}\n`
    }
    counts[left.has(id) ? 'updated' : 'added'] += 1
    left.set(id, n)
    return `${JSON.stringify({ add: { id, label: `line ${n}`, image: pictures[n % pictures.length]!.toString('base64') } })}\n`
  })
  return { lines: lines.join(''), left, counts }
}

async function jobWhen({ address }: ServiceProcess, id: string, reached: (job: Job) => boolean): Promise<Job> {
  const asked = async () => {
    const job = (await (await fetch(`${address}/v1/jobs/${id}`)).json()) as Job
    return reached(job) && job
  }
  return until(asked, 'the progress of the job', 120_000)
}
