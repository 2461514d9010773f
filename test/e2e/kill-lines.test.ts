/**
 * kill -9 during an NDJSON upload that repeatedly stores, replaces, patches and removes the same ids: the result depends on
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

test('a job of adds, patches and deletes that is killed repeatedly executes every line once, in order', async (t) => {
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
  const { lines, left, counts, missing } = script(pictures)

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
    { state: 'completed_with_errors', done: linesInAll, ...counts },
  )
  const report = await (await fetch(`${service.address}/v1/jobs/${id}/errors`)).text()
  const errors = report.split('\n').filter(Boolean)
  assert.deepEqual(
    errors.map((line) => JSON.parse(line) as { item: number; code: string }).map(({ item, code }) => `${item} ${code}`),
    missing.map((item) => `${item} image_not_found`),
  )

  const gallery = `${service.address}/v1/galleries/lines`
  const { images } = (await (await fetch(`${gallery}/images?limit=1000`)).json()) as Answer
  assert.deepEqual(
    new Map(images.map(({ id, label, metadata }) => [id, { label, metadata }])),
    new Map([...left].sort(([a], [b]) => (a < b ? -1 : 1))),
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

/** Lines and their expected result. Each add has its own label, so that none is a no-op. @returns also the patches of nothing */
function script(pictures: Buffer[]) {
  const random = seededRandom(7)
  const left = new Map<string, { label: string; metadata: object }>()
  const counts = { added: 0, updated: 0, removed: 0, skipped: 0, failed: 0 }
  const missing: number[] = []
  const lines = Array.from({ length: linesInAll }, (_, n) => {
    const id = `picture ${Math.floor(random() * ids)}`
    const kind = random()
    if (kind < 0.3) {
      counts[left.delete(id) ? 'removed' : 'skipped'] += 1
      return `{"delete": {"id": "${id}"}}\n`
    }
    const stored = left.get(id)
    if (kind < 0.6) {
      counts[stored === undefined ? 'failed' : 'updated'] += 1
      if (stored === undefined) missing.push(n)
      else left.set(id, { ...stored, metadata: { n } })
      return `{"patch": {"id": "${id}", "metadata": {"n": ${n}}}}\n`
    }
    counts[stored === undefined ? 'added' : 'updated'] += 1
    left.set(id, { label: `line ${n}`, metadata: {} })
    return `${JSON.stringify({ add: { id, label: `line ${n}`, image: pictures[n % pictures.length]!.toString('base64') } })}\n`
  })
  return { lines: lines.join(''), left, counts, missing }
}

async function jobWhen({ address }: ServiceProcess, id: string, reached: (job: Job) => boolean): Promise<Job> {
  const asked = async () => {
    const job = (await (await fetch(`${address}/v1/jobs/${id}`)).json()) as Job
    return reached(job) && job
  }
  return until(asked, 'the progress of the job', 120_000)
}
