/** A started service under a fuzzer: what must hold before, during and after. */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Answer, temporaryFolder } from './app.js'
import { drawImage, drawnLabels } from './drawn-images.js'
import { type FuzzOptions, fuzz } from './fuzzing.js'
import { type ServiceProcess, startProcess } from './service-process.js'
import { until } from './until.js'

/** Limits that a few thousand cases can reach; truncated bodies time out quickly. */
const settings = {
  MODEL_DIR: 'onnx/har-resnet50',
  BODY_TIMEOUT_MS: '1500',
  INGEST_JOBS_MAX: '10000',
  IMAGE_MAX_PIXELS: '20000000',
  INGEST_MAX_BYTES: '50000000',
}

/**
 * Fails on a 500 response, a connection without a response, a crash, a log line that is an error of ours, and on
 * growing file descriptors or memory.
 *
 * @param memoryGrowth of the resident memory, from the first tenth of the cases to the last
 */
export async function expectUnharmed(
  t: TestContext,
  counts: Omit<FuzzOptions, 'address' | 'onTenth'>,
  memoryGrowth: number,
): Promise<void> {
  const service = await startProcess(t, { ...settings, DATA_DIR: await temporaryFolder(t) })
  const { address } = service
  assert.equal((await fetch(`${address}/v1/galleries/fuzz`, { method: 'PUT' })).status, 201)
  assert.equal((await fetch(`${address}/v1/galleries/witness`, { method: 'PUT' })).status, 201)
  const witnesses = await Promise.all(
    drawnLabels.map(async (label, n) => new Uint8Array(await drawImage(label, n + 50))),
  )
  for (const [n, body] of witnesses.entries())
    assert.equal(
      (
        await fetch(`${address}/v1/galleries/witness/images/${n}`, {
          method: 'PUT',
          body,
          headers: { 'content-type': 'image/jpeg' },
        })
      ).status,
      201,
    )
  const testify = () =>
    Promise.all(
      witnesses.map(async (body) => {
        const response = await fetch(`${address}/v1/galleries/witness/search`, {
          method: 'POST',
          body,
          headers: { 'content-type': 'image/jpeg' },
        })
        return ((await response.json()) as Answer).hits.map(({ id, score }) => [id, score])
      }),
    )

  const before = await testify()
  await readingsOf(service)
  const readings: Reading[] = []
  const { statuses, faults } = await fuzz({
    ...counts,
    address,
    onTenth: async () => void readings.push(await readingsOf(service)),
  })
  await jobsEnd(address)

  t.diagnostic(`answers by status: ${JSON.stringify(statuses)}`)
  t.diagnostic(
    `memory, MiB: ${readings.map(({ memoryMiB }) => memoryMiB.toFixed(0)).join(' ')}; file descriptors: ${readings.map(({ descriptors }) => descriptors).join(' ')}`,
  )
  assert.deepEqual(
    faults.map((fault) => `${fault} ${causeOf(fault, service)}`),
    [],
  )
  assert.deepEqual(await testify(), before, 'other galleries answer as before')
  assert.deepEqual(
    service.log
      .filter(({ level, msg }) => Number(level) >= 50 && msg !== 'job failed')
      .map((line) => JSON.stringify(line).slice(0, 1000)),
    [],
  )
  const failures = service.log
    .filter(({ msg }) => msg === 'job failed')
    .map(({ err, code }) => (err as { code: string } | undefined)?.code ?? code)
  assert.deepEqual(
    failures.filter(
      (code) =>
        ![
          'archive_unreadable',
          'archive_path_invalid',
          'manifest_invalid',
          'gallery_not_found',
          'job_items_failed',
        ].includes(String(code)),
    ),
    [],
  )

  const [first, last] = [readings[0]!, readings.at(-1)!]
  assert.ok(
    last.memoryMiB < first.memoryMiB * memoryGrowth,
    `memory grew from ${first.memoryMiB} to ${last.memoryMiB} MiB`,
  )
  await until(
    async () => (await readingsOf(service)).descriptors <= first.descriptors + 8,
    `as few open file descriptors as in the beginning, ${first.descriptors},`,
  )
  assert.equal(await service.stop('SIGTERM'), 0)
}

/** Log lines for the request of a fault. */
function causeOf(fault: string, { log }: ServiceProcess): string {
  const requestId = /"requestId":"([^"]+)"/.exec(fault)?.[1]
  return JSON.stringify(log.find((line) => line.requestId === requestId && line.err !== undefined)?.err)
}

interface Reading {
  memoryMiB: number
  descriptors: number
}

async function readingsOf({ address, pid }: ServiceProcess): Promise<Reading> {
  const text = await (await fetch(`${address}/metrics`)).text()
  const bytes = Number(/^process_resident_memory_bytes (\S+)/m.exec(text)?.[1])
  return { memoryMiB: bytes / 2 ** 20, descriptors: readdirSync(`/proc/${pid}/fd`).length }
}

/** Every accepted upload must come to an end. */
async function jobsEnd(address: string): Promise<void> {
  const deadline = performance.now() + 300_000
  for (;;) {
    const { jobs } = (await (await fetch(`${address}/v1/jobs?state=queued&state=running&limit=1000`)).json()) as Answer
    if (jobs.length === 0) return
    assert.ok(performance.now() < deadline, `${jobs.length} jobs do not end`)
    await sleep(200)
  }
}
