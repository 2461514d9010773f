/**
 * A gallery's model is changed and changed back while clients search continuously. Not part of `npm test`.
 *
 *     CHANGE_TAR=pictures.tar CHANGE_FROM=onnx/har-lite0 CHANGE_TO=onnx/har-resnet50 node --test dist/test/long/change-of-model.long.js
 *
 * Pictures are in folders named by label; without a tar the test draws some.
 */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { percentile } from '../../src/cli/percentile.js'
import { tarOf } from '../support/archives.js'
import { drawImage, drawnLabels } from '../support/drawn-images.js'
import { archiveOfModel } from '../support/installed-model.js'
import { recordResult, setting } from '../support/long-report.js'
import { startProcess } from '../support/service-process.js'
import { temporaryFolder } from '../support/temporary-folder.js'

const clients = 8
const drawn = setting('CHANGE_IMAGES', 400)
const rollBacks = 3
const from = process.env.CHANGE_FROM ?? 'onnx/har-lite0'
const to = process.env.CHANGE_TO ?? 'onnx/har-resnet50'
/** Pause between a response and the same client's next request. */
const pauseMs = 50
const idleMs = 15_000

type Phase = 'idle' | 're-embedding' | 'exchanges'
interface Found {
  modelId: string
  vector: number[]
  hits: { id: string; score: number }[]
}
interface SetStatus {
  modelId: string
  dimension: number
  state: string
  count: number
  gate?: { passed: boolean; reasons: string[]; overlapAt10: number | null; quality: Record<string, unknown> }
}

class Searching {
  phase: Phase = 'idle'
  readonly ms: Record<Phase, number[]> = { idle: [], 're-embedding': [], exchanges: [] }
  readonly failed: string[] = []
  readonly mixed: string[] = []
  readonly #gallery: string
  readonly #dimensions = new Map<string, number>()
  readonly #stop = new AbortController()
  #working: Promise<unknown> = Promise.resolve()

  constructor(gallery: string) {
    this.#gallery = gallery
  }

  start(ids: readonly string[]): void {
    const from = (n: number) => ids.slice(Math.floor((n * ids.length) / clients))
    this.#working = Promise.all(Array.from({ length: clients }, (_, n) => this.#client(from(n))))
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#working
  }

  /** A stored picture is its own first hit; with two models, neither score nor dimension would match. */
  async #client(ids: readonly string[]): Promise<void> {
    for (let n = 0; !this.#stop.signal.aborted; n++) {
      const imageId = ids[n % ids.length]!
      const { phase } = this
      const beganAt = performance.now()
      const payload = JSON.stringify({ imageId, includeSelf: true, include: ['vector'], k: 10 })
      const headers = { 'content-type': 'application/json' }
      const response = await fetch(`${this.#gallery}/search`, { method: 'POST', headers, body: payload })
      const text = await response.text()
      this.ms[phase].push(performance.now() - beganAt)
      if (response.status !== 200) this.failed.push(`${response.status} ${text}`)
      else this.#look(imageId, JSON.parse(text) as Found)
      await sleep(pauseMs)
    }
  }

  #look(imageId: string, { modelId, vector, hits }: Found): void {
    const dimension = this.#dimensions.get(modelId) ?? vector.length
    this.#dimensions.set(modelId, dimension)
    const own = hits.find(({ id }) => id === imageId)
    if (vector.length !== dimension || own === undefined || Math.abs(own.score - 1) > 1e-3)
      this.mixed.push(`${imageId}: ${vector.length} numbers by ${modelId}, score ${own?.score}`)
  }

  p95(phase: Phase): number {
    return Math.round(percentile(this.ms[phase], 0.95) * 10) / 10
  }
}

async function pictures(): Promise<Buffer> {
  if (process.env.CHANGE_TAR !== undefined) return readFile(process.env.CHANGE_TAR)
  const entries = Array.from({ length: drawn }, async (_, n) => {
    const label = drawnLabels[n % drawnLabels.length]!
    return { path: `${label}/${n}.jpg`, content: await drawImage(label, n + 1, { width: 160, height: 120 }) }
  })
  return tarOf(await Promise.all(entries))
}

async function service(t: TestContext) {
  const dataDir = await temporaryFolder(t)
  const { address } = await startProcess(t, { DATA_DIR: dataDir, MODEL_DIR: from, INGEST_JOBS_MAX: '2' })
  async function call<Given>(method: string, path: string, body?: Buffer | object, type = 'application/json') {
    const sent = body instanceof Buffer ? new Uint8Array(body) : body && JSON.stringify(body)
    const headers = { 'content-type': type }
    const response = await fetch(`${address}${path}`, { method, ...(sent && { body: sent, headers }) })
    const text = await response.text()
    assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`)
    return JSON.parse(text) as Given
  }
  async function ended({ id }: { id: string }) {
    for (;;) {
      const job = await call<{ finishedAt: string | null; state: string; failure?: object }>('GET', `/v1/jobs/${id}`)
      if (job.finishedAt !== null) return job
      await sleep(200)
    }
  }
  return { address, call, ended }
}

test(`${clients} clients search while the model of their gallery is changed, and changed back`, async (t) => {
  const { address, call, ended } = await service(t)
  const gallery = '/v1/galleries/g'
  await call('PUT', gallery, {})
  await ended(await call('POST', `${gallery}/ingest`, await pictures(), 'application/x-tar'))
  const { images } = await call<{ images: { id: string }[] }>('GET', `${gallery}/images?limit=1000`)
  const model = await call<{ id: string; name: string }>(
    'POST',
    '/v1/models',
    await archiveOfModel(to),
    'application/x-tar',
  )
  const sets = async () => (await call<{ sets: SetStatus[] }>('GET', `${gallery}/sets`)).sets

  const searching = new Searching(`${address}${gallery}`)
  searching.start(images.map(({ id }) => id))
  await sleep(idleMs)
  searching.phase = 're-embedding'
  const beganAt = performance.now()
  const job = await ended(await call('POST', `${gallery}/sets`, { model: model.id }))
  const seconds = (performance.now() - beganAt) / 1000
  assert.equal(job.state, 'succeeded', JSON.stringify(job))
  const [serving, other] = await sets()
  assert.equal(other!.count, serving!.count)

  searching.phase = 'exchanges'
  const exchangeMs: number[] = []
  for (let turn = 0; turn < 2 * rollBacks; turn++) {
    const asked = turn % 2 === 0 ? model.id : serving!.modelId
    const exchangedAt = performance.now()
    await call('PUT', `${gallery}/serving`, { model: asked, force: true })
    exchangeMs.push(performance.now() - exchangedAt)
    assert.equal((await sets()).find(({ state }) => state === 'serving')!.modelId, asked)
    await sleep(1_000)
  }
  await searching.stop()

  assert.deepEqual(searching.failed.slice(0, 3), [])
  assert.deepEqual(searching.mixed.slice(0, 3), [])
  await recordResult('change of model', {
    question: 'Can a gallery switch to another model and back during searches, without failed or mixed answers?',
    facts: {
      pictures: serving!.count,
      from: basename(from),
      to: basename(to),
      're-embedding, pictures/s': Math.round((serving!.count / seconds) * 10) / 10,
      'gate passed': String(other!.gate?.passed),
      'reasons against': other!.gate?.reasons.join(' ') || '–',
      'overlap@10': other!.gate?.overlapAt10?.toFixed(3) ?? '–',
      searches: Object.values(searching.ms).flat().length,
      failed: searching.failed.length,
      mixed: searching.mixed.length,
    },
    table: {
      head: ['searches during', 'p95, ms'],
      rows: [
        ['nothing else', searching.p95('idle')],
        ['re-embedding', searching.p95('re-embedding')],
        [`${2 * rollBacks} exchanges (slowest ${Math.round(Math.max(...exchangeMs))} ms)`, searching.p95('exchanges')],
      ],
    },
  })
})
