/**
 * Processes that share a Weaviate server and a PostgreSQL: two write and search while a third switches the gallery's
 * sets, and one dies.
 */
import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { bucketServer } from '../support/bucket-server.js'
import { drawImage, drawnLabels } from '../support/drawn-images.js'
import { handmadeModel, writeHandmadeModel } from '../support/handmade-onnx.js'
import { postgresServer } from '../support/postgres-server.js'
import { type ServiceProcess, startProcess } from '../support/service-process.js'
import { temporaryFolder } from '../support/temporary-folder.js'
import { until } from '../support/until.js'
import { skipWithoutWeaviate, startWeaviate } from '../support/weaviate-server.js'

const gallery = '/v1/galleries/g'
const exchanges = 4
/** Pictures per client before it begins to remove some. */
const grown = 12

interface SetStatus {
  modelId: string
  dimension: number
  state: string
  count: number
  job?: string
}

async function asked<Given>(service: ServiceProcess, method: string, path: string, body?: object, headers = {}) {
  const response = await fetch(`${service.address}${path}`, {
    method,
    ...(body && { headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, given: (text === '' ? undefined : JSON.parse(text)) as Given }
}

/** Acknowledged changes; those left unanswered by a kill are in neither list. */
class Ledger {
  changes = 0
  readonly labels = new Map<string, string>()
  readonly removed = new Set<string>()
}

/** Stores, relabels and removes its own pictures until it is stopped. */
async function write(service: ServiceProcess, name: string, ledger: Ledger, stop: AbortSignal): Promise<void> {
  const image = (await drawImage(drawnLabels[0]!, 1, { width: 24, height: 24 })).toString('base64')
  const own: string[] = []
  const change = async (id: string, method: string, body?: object) => {
    ledger.labels.delete(id)
    const { status } = await asked(service, method, `${gallery}/images/${id}`, body)
    assert.ok(status < 300 || [409, 429, 503].includes(status), `${method}: ${status}`)
    if (status < 300) ledger.changes++
    return status < 300
  }
  for (let n = 0; !stop.aborted; n++) {
    const [id, label] = [`${name}-${n}`, `label ${n}`]
    if (await change(id, 'PUT', { image, label })) {
      ledger.labels.set(id, label)
      own.push(id)
    }
    if (own.length < grown) continue
    const [first, second] = [own.shift()!, own[0]!]
    if (await change(first, 'DELETE')) ledger.removed.add(first)
    if (await change(second, 'PATCH', { label: `again ${n}` })) ledger.labels.set(second, `again ${n}`)
  }
}

/** Searches for stored pictures; every answer comes from one set. */
async function search(service: ServiceProcess, dimensions: Map<string, number>, stop: AbortSignal): Promise<number> {
  const body = { imageId: 'always', includeSelf: true, include: ['vector'], k: 3 }
  let searches = 0
  for (; !stop.aborted; searches++) {
    const { status, given } = await asked<{ modelId: string; vector: number[]; hits: { score: number }[] }>(
      service,
      'POST',
      `${gallery}/search`,
      body,
    )
    assert.equal(status, 200, JSON.stringify(given))
    assert.equal(given.vector.length, dimensions.get(given.modelId))
    assert.ok(given.hits[0]!.score > 0.999, 'it finds itself in the set that was searched')
  }
  return searches
}

const setsOf = async (service: ServiceProcess) =>
  (await asked<{ sets: SetStatus[] }>(service, 'GET', `${gallery}/sets`)).given.sets

async function exchange(service: ServiceProcess): Promise<void> {
  const model = (await setsOf(service)).find(({ state }) => state !== 'serving')!.modelId
  const { status, given } = await asked(service, 'PUT', `${gallery}/serving`, { model, force: true })
  assert.equal(status, 200, JSON.stringify(given))
}

async function expectAll(service: ServiceProcess, { labels, removed }: Ledger): Promise<void> {
  const { given } = await asked<{ images: { id: string; label: string }[] }>(
    service,
    'GET',
    `${gallery}/images?limit=1000`,
  )
  const stored = new Map(given.images.map(({ id, label }) => [id, label]))
  for (const [id, label] of labels) assert.equal(stored.get(id), label, `${id} was acknowledged`)
  for (const id of removed) assert.ok(!stored.has(id), `${id} was removed`)
}

/** Several callers create the same picture at the same time, each only if there is none. */
async function expectOneCreates(services: readonly ServiceProcess[], id: string, image: string): Promise<void> {
  const create = (service: ServiceProcess) =>
    asked<{ code?: string }>(service, 'PUT', `${gallery}/images/${id}`, { image }, { 'if-none-match': '*' })
  const outcomes = await Promise.all([...services, ...services].map(create))
  const refusals = outcomes.filter(({ status }) => status !== 201).map(({ given }) => given.code)
  assert.deepEqual(refusals, Array(outcomes.length - 1).fill('precondition_failed'))
}

async function started(
  t: TestContext,
): Promise<{ services: ServiceProcess[]; dimensions: Map<string, number> } | undefined> {
  const postgres = await postgresServer(t)
  if (postgres === undefined) return undefined
  const folder = await temporaryFolder(t)
  const [first, models] = [await handmadeModel(t, { dimension: 24 }), join(folder, 'models')]
  await mkdir(join(models, 'other'), { recursive: true })
  const other = await writeHandmadeModel(join(models, 'other'), { inputSize: 16, dimension: 12, name: 'other' })
  const weaviate = await startWeaviate()
  t.after(() => weaviate.kill())
  const environment = {
    MODEL_DIR: first.folder,
    MODELS_DIR: models,
    POSTGRES_URL: await postgres.newDatabase(),
    JOB_LEASE_SECONDS: '10',
    ORIGINALS_S3_BUCKET: 'shared',
    ORIGINALS_S3_ENDPOINT: (await bucketServer(t)).endpoint,
    AWS_ACCESS_KEY_ID: 'alike',
    AWS_SECRET_ACCESS_KEY: 'alikealike',
    DEFAULT_ENGINE: 'weaviate',
    WEAVIATE_URL: weaviate.settings.url,
    WEAVIATE_GRPC: weaviate.settings.grpcAddress,
  }
  const services = await Promise.all(
    ['serve', 'serve', 'all'].map((ROLE, n) =>
      startProcess(t, { ...environment, ROLE, DATA_DIR: join(folder, `data-${n}`) }),
    ),
  )
  const dimensions = new Map([
    [first.manifest.id, 24],
    [other.manifest.id, 12],
  ])
  return { services, dimensions }
}

test('no write of two processes is lost while a third exchanges the sets between them, not even one of a process that dies during it', {
  skip: skipWithoutWeaviate,
}, async (t) => {
  const opened = await started(t)
  if (opened === undefined) return
  const [front, doomed, third] = opened.services as [ServiceProcess, ServiceProcess, ServiceProcess]
  await asked(front, 'PUT', gallery, {})
  const image = (await drawImage(drawnLabels[1]!, 2, { width: 24, height: 24 })).toString('base64')
  assert.equal((await asked(front, 'PUT', `${gallery}/images/always`, { image })).status, 201)
  for (const id of ['once', 'once more']) await expectOneCreates([front, doomed], id, image)

  const [ledger, stop, stopDoomed] = [new Ledger(), new AbortController(), new AbortController()]
  const writing = write(front, 'front', ledger, stop.signal)
  const dying = write(doomed, 'doomed', ledger, stopDoomed.signal).catch((error: unknown) => {
    if (!stopDoomed.signal.aborted) throw error
  })
  const searching = search(front, opened.dimensions, stop.signal)
  const working = Promise.all([writing, dying, searching])
  working.catch(() => {})

  const { status, given: job } = await asked<{ id: string }>(third, 'POST', `${gallery}/sets`, { model: 'other' })
  assert.equal(status, 202, JSON.stringify(job))
  await until(async () => {
    const { given } = await asked<{ state: string; finishedAt: string | null }>(front, 'GET', `/v1/jobs/${job.id}`)
    if (given.finishedAt !== null) assert.equal(given.state, 'succeeded', JSON.stringify(given))
    return given.finishedAt !== null
  }, 'the other set')
  for (let n = 0; n < exchanges; n++) {
    await exchange(n % 2 === 0 ? third : front)
    const before = ledger.changes
    await Promise.race([working, until(async () => ledger.changes > before + 4, 'writes to go on')])
  }
  stopDoomed.abort()
  await doomed.stop('SIGKILL')
  await exchange(third)
  await exchange(front)
  stop.abort()
  const [, , searches] = await working
  t.diagnostic(`${ledger.labels.size} pictures, ${ledger.removed.size} removed, ${searches} searches`)
  assert.ok(ledger.removed.size > 0 && searches > exchanges)

  await expectAll(third, ledger)
  await until(async () => {
    const [one, other] = await setsOf(third)
    return one!.count === other!.count
  }, 'both sets complete, without an exchange')
  await exchange(third)
  await expectAll(front, ledger)
  const metrics = await (await fetch(`${front.address}/metrics`)).text()
  assert.match(metrics, /^alike_set_changes_oldest_seconds \d/m)
  for (const service of [front, third]) assert.equal(await service.stop('SIGTERM'), 0)
})
