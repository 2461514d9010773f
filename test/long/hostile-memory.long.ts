/**
 * Hostile pictures and bodies against the service as configured by compose: its network, two workers, its memory limit.
 * `LONG_MEMORY_MIB` sets the limit, `LONG_ROUNDS` how often everything is sent. If no cgroup can be created, the peak
 * of the process is compared with the limit instead.
 */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { temporaryFolder } from '../support/app.js'
import { hostileImages } from '../support/hostile-images.js'
import { sendHostile } from '../support/hostile-load.js'
import { recordResult, setting } from '../support/long-report.js'
import { memoryLimit, peakBytes } from '../support/memory-limit.js'
import { allocator, startProcess } from '../support/service-process.js'

const limitMebibytes = setting('LONG_MEMORY_MIB', 2_048)
const rounds = setting('LONG_ROUNDS', 2)
/** Side of the generated pictures; with 10,000 this test would take hours. */
const side = setting('LONG_SIDE', 6_000)
const mebibyte = 2 ** 20

test(`hostile pictures crash no process with ${limitMebibytes} MiB`, async (t) => {
  const startedAt = performance.now()
  const limit = memoryLimit(t, limitMebibytes * mebibyte)
  const environment = { DATA_DIR: await temporaryFolder(t), EMBED_WORKERS: '2', UV_THREADPOOL_SIZE: '8', ...allocator }
  const service = await startProcess(t, environment, { onSpawn: (pid) => limit?.hold(pid) })
  const atStart = peakBytes(service.pid)
  const images = await hostileImages(side)
  const stalled = stallBodies(service.address, 40)
  const [{ answers, jobs }, bodies] = await Promise.all([
    sendHostile(service.address, images, rounds),
    largeBodies(service.address, 40),
  ])
  stalled()
  const peak = peakBytes(service.pid)

  assert.equal((await fetch(`${service.address}/readyz`)).status, 200)
  assert.equal(limit?.kills() ?? 0, 0)
  assert.ok(peak < limitMebibytes * mebibyte)
  assert.ok(
    jobs.length > 0 && jobs.every(({ state, done, total }) => state === 'completed_with_errors' && done === total),
  )
  assert.equal(await service.stop('SIGTERM'), 0)
  await recordResult('hostile memory', {
    question:
      'Does the process survive pictures of a few kilobytes that would decode to gigabytes, together with large and stalled bodies?',
    facts: {
      'limit, MiB': limitMebibytes,
      'enforced by': limit === undefined ? 'comparison with the peak' : 'a cgroup',
      'side, pixels': side,
      rounds,
      minutes: Math.round((performance.now() - startedAt) / 6_000) / 10,
      jobs: jobs.length,
      'MiB after start': Math.round(atStart / mebibyte),
      'peak MiB': Math.round(peak / mebibyte),
      deaths: 0,
    },
    table: {
      head: ['response or error line', 'number'],
      rows: [...answers, ...bodies].sort(([a], [b]) => (a < b ? -1 : 1)),
    },
  })
})

/** JSON of the maximum size, repeatedly; what does not fit is refused. */
async function largeBodies(address: string, count: number): Promise<Map<string, number>> {
  const answers = new Map<string, number>()
  const body = JSON.stringify({ image: Buffer.alloc(20 * mebibyte - 1_024, 7).toString('base64') })
  await Promise.all(
    Array.from({ length: count }, async () => {
      // a refusal that closes the connection while the body is being sent is not always seen
      const response = await fetch(`${address}/v1/embeddings`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      }).catch(() => undefined)
      const what =
        response === undefined
          ? 'large body: connection closed'
          : `large body: ${response.status} ${((await response.json()) as { code?: string }).code}`
      answers.set(what, (answers.get(what) ?? 0) + 1)
    }),
  )
  return answers
}

/** Bodies that never end. @returns a function that disconnects them */
function stallBodies(address: string, count: number): () => void {
  const { port, hostname } = new URL(address)
  const sockets = Array.from({ length: count }, () => {
    const socket = connect(Number(port), hostname)
    socket.on('error', () => {})
    socket.write(
      `PATCH /v1/galleries/hostile/images/a HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 250000\r\n\r\n{"label": "${'x'.repeat(200_000)}`,
    )
    return socket
  })
  return () => sockets.forEach((socket) => socket.destroy())
}
