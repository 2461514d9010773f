/**
 * Four times more clients than the service admits, for two minutes; then none; then a stop under the same load. Not
 * part of `npm test`.
 *
 *     OVERLOAD_SECONDS=120 OVERLOAD_ADMITTED=32 node --test dist/test/long/overload.long.js
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { percentile } from '../../src/cli/percentile.js'
import { type Answer, temporaryFolder } from '../support/app.js'
import { tarOf } from '../support/archives.js'
import { drawImage, drawnLabels } from '../support/drawn-images.js'
import { describeTally, type LoadKind, type LoadReport, loadKinds, runClients } from '../support/load-clients.js'
import { type ServiceProcess, startProcess } from '../support/service-process.js'

const seconds = Number(process.env.OVERLOAD_SECONDS ?? 120)
const admitted = Number(process.env.OVERLOAD_ADMITTED ?? 32)
const gallery = 'load'
const patienceMs = 250

/** 4 × admitted in total. */
const overload: Record<LoadKind, number> = {
  search: 2 * admitted,
  'search with four pictures': admitted / 2,
  store: admitted / 2,
  compare: admitted / 2,
  leave: admitted / 2,
}
const settings = {
  MODEL_DIR: 'onnx/har-resnet50',
  REQUESTS_MAX: String(admitted),
  EMBED_WORKERS: '0',
  INGEST_JOBS_MAX: '2',
  SHUTDOWN_GRACE_MS: '15000',
}

async function start(t: TestContext, environment: Record<string, string>): Promise<ServiceProcess> {
  const service = await startProcess(t, { ...settings, ...environment })
  assert.ok((await fetch(`${service.address}/v1/galleries/${gallery}`, { method: 'PUT' })).ok)
  return service
}

async function metricsOf({ address }: ServiceProcess): Promise<(name: string) => number> {
  const text = await (await fetch(`${address}/metrics`)).text()
  return (name) =>
    Number(
      text
        .split('\n')
        .find((line) => line.startsWith(`${name} `))
        ?.slice(name.length + 1),
    )
}

function forSeconds(count: number): AbortSignal {
  return AbortSignal.timeout(count * 1000)
}

test(`${4 * admitted} clients at a service that admits ${admitted}, for ${seconds} s`, {
  timeout: (seconds + 300) * 1000,
}, async (t) => {
  const service = await start(t, { DATA_DIR: await temporaryFolder(t) })
  const ask = { address: service.address, gallery, patienceMs }
  await runClients({ ...ask, clients: { store: 2, search: 2 }, until: forSeconds(3) }) // compilers and caches
  const calm = await runClients({ ...ask, clients: { search: 4 }, until: forSeconds(5) })

  const until = forSeconds(seconds)
  const samples: { memoryMiB: number; inFlight: number; embedQueue: number; descriptors: number }[] = []
  const watching = (async () => {
    while (!until.aborted) {
      await sleep((seconds * 1000) / 60)
      const metric = await metricsOf(service)
      samples.push({
        memoryMiB: metric('process_resident_memory_bytes') / 2 ** 20,
        inFlight: metric('alike_requests_in_flight'),
        embedQueue: metric('alike_embed_queue_depth'),
        descriptors: metric('process_open_fds'),
      })
    }
  })()
  const startedAt = performance.now()
  const [report, jobs] = await Promise.all([
    runClients({ ...ask, clients: overload, until }),
    sendArchives(service, until),
  ])
  const lastAnswerAt = performance.now()
  await watching
  const elapsed = (lastAnswerAt - startedAt) / 1000
  describe(t, report)
  t.diagnostic(`bulk uploads: ${jobs.accepted} accepted, ${jobs.refused} refused`)

  for (const kind of loadKinds) assert.deepEqual([report[kind].faults, report[kind].broken], [[], 0], kind)
  const door = loadKinds.filter((kind) => kind !== 'leave').map((kind) => report[kind])
  const acceptedMs = door.flatMap((tally) => tally.acceptedMs)
  const refusedMs = door.flatMap((tally) => tally.refusedMs)
  const perSecond = acceptedMs.length / elapsed
  const p = (values: number[], share: number) => percentile(values, share)
  t.diagnostic(
    `accepted ${perSecond.toFixed(1)}/s, p50 ${p(acceptedMs, 0.5).toFixed(0)}, p99 ${p(acceptedMs, 0.99).toFixed(0)} ms; refused p50 ${p(refusedMs, 0.5).toFixed(0)}, p99 ${p(refusedMs, 0.99).toFixed(0)} ms; memory MiB ${samples.map(({ memoryMiB }) => memoryMiB.toFixed(0)).join(' ')}`,
  )

  assert.ok(refusedMs.length > acceptedMs.length / 4, 'it was refused as overloaded')
  assert.ok(p(refusedMs, 0.95) < p(acceptedMs, 0.5), 'refused at once, sooner than the work would take')
  // Little's law: with this many in progress and this throughput, each takes this long on average.
  const meanMs = (admitted / perSecond) * 1000
  assert.ok(
    p(acceptedMs, 0.99) < 5 * meanMs + 100,
    `accepted p99 ${p(acceptedMs, 0.99)} ms, mean by Little's law ${meanMs} ms`,
  )
  const shares = door.map((tally) => tally.acceptedShare)
  assert.ok(
    Math.max(...shares) < 2 * Math.min(...shares),
    `one picture or several, reading or writing: the door is the same: ${shares.join(', ')}`,
  )
  assert.ok(jobs.accepted >= 1 && jobs.refused >= 1)

  assert.ok(samples.every(({ inFlight, embedQueue }) => inFlight <= admitted && embedQueue <= 512))
  const quarter = Math.floor(samples.length / 4)
  const memory = (from: number) =>
    p(
      samples.slice(from, from + quarter).map(({ memoryMiB }) => memoryMiB),
      0.5,
    )
  const [second, last] = [memory(quarter), memory(3 * quarter)]
  assert.ok(last < second * 1.15, `memory went from ${second} to ${last} MiB`)
  const metric = await metricsOf(service)
  assert.ok(metric('alike_embed_dropped_total') > 0, 'work for clients that had disconnected was dropped')

  const after = await runClients({ ...ask, clients: { search: 4 }, until: forSeconds(5) })
  t.diagnostic(`before: ${describeTally('search', calm.search)}; after: ${describeTally('search', after.search)}`)
  assert.equal(after.search.refusedMs.length, 0, 'nobody is refused once the burst is over')
  assert.ok(p(after.search.acceptedMs, 0.5) < 2 * p(calm.search.acceptedMs, 0.5) + 20, 'as fast as before')
  assert.equal(await service.stop('SIGTERM'), 0)
})

test('a stop under load finishes what was accepted, refuses the rest, and takes no longer than its grace period', {
  timeout: 300_000,
}, async (t) => {
  const dataDir = await temporaryFolder(t)
  const service = await start(t, { DATA_DIR: dataDir })
  const ended = new AbortController()
  const stored = new Set<string>()
  const clients = { ...overload, leave: 0 }
  const running = runClients({ address: service.address, gallery, patienceMs, clients, until: ended.signal, stored })
  await sleep(4_000)
  while (stored.size < 20) await sleep(100)
  const stoppedAt = performance.now()
  const code = await service.stop('SIGTERM')
  const stopMs = performance.now() - stoppedAt
  ended.abort()
  const report = await running
  describe(t, report)
  t.diagnostic(`stopped in ${stopMs.toFixed(0)} ms`)

  assert.equal(code, 0)
  assert.ok(stopMs < Number(settings.SHUTDOWN_GRACE_MS))
  for (const kind of loadKinds) assert.deepEqual(report[kind].faults, [], kind)
  const cutOff = service.log.filter(({ msg }) => msg === 'the client disconnected before the answer')
  assert.deepEqual(cutOff, [], 'no accepted request was cut off')

  const again = await startProcess(t, { ...settings, DATA_DIR: dataDir })
  const sample = [...stored].filter((_, n) => n % Math.ceil(stored.size / 100) === 0)
  assert.ok(sample.length > 0)
  for (const id of sample)
    assert.equal(
      (await fetch(`${again.address}/v1/galleries/${gallery}/images/${encodeURIComponent(id)}`)).status,
      200,
      `${id} was acknowledged`,
    )
  assert.equal(await again.stop('SIGTERM'), 0)
})

/** Uploads with many pictures, one after the other; refused ones are retried. */
async function sendArchives(
  { address }: ServiceProcess,
  until: AbortSignal,
): Promise<{ accepted: number; refused: number }> {
  const images = await Promise.all(Array.from({ length: 200 }, (_, n) => drawImage(drawnLabels[n % 4]!, n + 500)))
  const jobs = { accepted: 0, refused: 0 }
  while (!until.aborted) {
    const round = jobs.accepted
    const body = new Uint8Array(await tarOf(images.map((content, n) => ({ path: `bulk-${round}/${n}.jpg`, content }))))
    const response = await fetch(`${address}/v1/galleries/${gallery}/ingest`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/x-tar' },
    })
    const answer = (await response.json()) as Answer
    if (response.status === 202) jobs.accepted += 1
    else {
      assert.deepEqual([response.status, answer.code], [429, 'job_queue_full'])
      assert.ok(Number(response.headers.get('retry-after')) >= 1)
      jobs.refused += 1
      await sleep(500)
    }
  }
  return jobs
}

function describe(t: TestContext, report: LoadReport): void {
  for (const kind of loadKinds)
    if (report[kind].acceptedMs.length + report[kind].refusedMs.length > 0)
      t.diagnostic(describeTally(kind, report[kind]))
}
