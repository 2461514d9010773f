/**
 * A process that dies at one point of a change of model, and its successor: nothing is lost, half switched or embedded
 * twice.
 */
import assert from 'node:assert/strict'
import { cp, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startApp, type TestApp } from './app.js'
import { tarOf } from './archives.js'
import type { KillPoint } from './doomed-service.js'
import { drawImage, drawnLabels } from './drawn-images.js'
import { handmadeModel, writeHandmadeModel } from './handmade-onnx.js'
import { endedJob, type Job, sendJob } from './jobs.js'
import { startProcess } from './service-process.js'
import { temporaryFolder } from './temporary-folder.js'
import { until } from './until.js'

export interface SwitchToKill {
  /** Data folders: of a gallery with one set, and with both. */
  folders: { one: string; both: string }
  settings: { modelDir: string; modelsDir: string }
  models: { first: string; other: string }
  image: string
}

export interface AfterKill {
  /** Start time of the successor. */
  startMs: number
  /** Pictures embedded with the other model by both processes together. */
  embedded: number
}

interface SetStatus {
  modelId: string
  dimension: number
  state: 'building' | 'ready' | 'serving' | 'kept'
  count: number
  job?: string
}

/** Three groups of a job. */
export const pictures = 100
/** Pictures per group: embedded again if they were not stored. */
export const groupSize = 48
const gallery = '/v1/galleries/g'
const doomed = fileURLToPath(new URL('./doomed-service.js', import.meta.url))
const whileBuilt: readonly KillPoint[] = [
  'before the set has a row',
  'before the job of the set has one',
  'before a group of the job is stored',
  'after a group of the job is stored',
  'before the set is ready',
  'before the verdict is stored',
  'after the verdict is stored',
]

export async function switchToKill(t: TestContext): Promise<SwitchToKill> {
  const folder = await temporaryFolder(t)
  const [first, modelsDir] = [await handmadeModel(t, { dimension: 24 }), join(folder, 'models')]
  await mkdir(join(modelsDir, 'other'), { recursive: true })
  const other = await writeHandmadeModel(join(modelsDir, 'other'), { inputSize: 16, dimension: 12, name: 'other' })
  const settings = { modelDir: first.folder, modelsDir }
  const app = await startApp(t, { ...settings, dataDir: join(folder, 'both') })
  await app.call(201, { method: 'PUT', url: gallery })
  const entries = await Promise.all(
    Array.from({ length: pictures }, async (_, n) => {
      const label = drawnLabels[n % drawnLabels.length]!
      return { path: `${label}/${n}.jpg`, content: await drawImage(label, n + 1, { width: 24, height: 24 }) }
    }),
  )
  const job = await sendJob(app, gallery, { 'content-type': 'application/x-tar' }, await tarOf(entries))
  assert.equal((await endedJob(app, job)).added, pictures)
  await app.close()
  await cp(join(folder, 'both'), join(folder, 'one'), { recursive: true })

  const again = await startApp(t, { ...settings, dataDir: join(folder, 'both') })
  assert.equal((await built(again)).added, pictures)
  await again.close()
  return {
    folders: { one: join(folder, 'one'), both: join(folder, 'both') },
    settings,
    models: { first: first.manifest.id, other: other.manifest.id },
    image: (await drawImage(drawnLabels[0]!, 5_000, { width: 24, height: 24 })).toString('base64'),
  }
}

/** Kills it at this point, restarts it and finishes what was started. */
export async function killAt(t: TestContext, point: KillPoint, prepared: SwitchToKill): Promise<AfterKill> {
  const { folders, settings, models, image } = prepared
  const isBuilding = whileBuilt.includes(point)
  const folder = await temporaryFolder(t)
  const [dataDir, embeddedFile] = [join(folder, 'data'), join(folder, 'embedded')]
  await cp(isBuilding ? folders.one : folders.both, dataDir, { recursive: true })
  const environment = {
    DATA_DIR: dataDir,
    MODEL_DIR: settings.modelDir,
    MODELS_DIR: settings.modelsDir,
    KILL_AT: point,
    EMBEDDED: embeddedFile,
  }
  const process = await startProcess(t, environment, { mainFile: doomed })
  const asked = async (method: string, path: string, body?: object) =>
    fetch(`${process.address}${gallery}${path}`, {
      method,
      ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    })
  const ids = new Set(Array.from({ length: pictures }, (_, n) => `${drawnLabels[n % drawnLabels.length]}/${n}.jpg`))
  if (isBuilding) void asked('POST', '/sets', { model: 'other' }).catch(() => {})
  else if (point.startsWith('between')) {
    assert.equal((await asked('PUT', '/images/new', { image })).status, 201)
    ids.add('new')
  } else if (point === 'after the row of a set is removed') void asked('DELETE', '/sets/other').catch(() => {})
  else void asked('PUT', '/serving', { model: 'other', force: true }).catch(() => {})
  assert.equal(await process.ended, 'SIGKILL')

  const startedAt = performance.now()
  const app = await startApp(t, { ...settings, dataDir })
  const startMs = performance.now() - startedAt
  const embedded = { count: await linesOf(embeddedFile, models.other) }
  const embed = app.parts.images.embed.bind(app.parts.images)
  app.parts.images.embed = (bytes, request) => {
    if (request.purpose === 'job' && request.modelId === models.other) embedded.count++
    return embed(bytes, request)
  }
  await expectWhole(app, ids)
  const isServed = ['after the set serves', 'before the former set is followed'].includes(point)
  const { modelId } = (await setsOf(app)).find(({ state }) => state === 'serving')!
  assert.equal(modelId, isServed ? models.other : models.first)
  await untilBoth(app, ids.size)
  for (const model of [models.other, models.first, models.other]) {
    await app.call(200, { method: 'PUT', url: `${gallery}/serving`, payload: { model, force: true } })
    await expectWhole(app, ids)
  }
  await app.close()
  return { startMs, embedded: embedded.count }
}

/** Pictures already embedded with the model, plus those that a kill at this point must cost. */
export function expectedEmbeddings(point: KillPoint): number {
  if (point === 'before a group of the job is stored') return pictures + groupSize
  if (whileBuilt.includes(point) || point === 'after the row of a set is removed') return pictures
  return point.startsWith('between') ? 2 : 0
}

async function built(app: TestApp): Promise<Job> {
  const payload = { model: 'other' }
  const { id } = await app.call<Job>(202, { method: 'POST', url: `${gallery}/sets`, payload })
  return until(async () => {
    const job = await app.call<Job>(200, { url: `/v1/jobs/${id}` })
    return job.finishedAt !== null && job
  }, 'the other set')
}

const setsOf = async (app: TestApp) => (await app.call<{ sets: SetStatus[] }>(200, { url: `${gallery}/sets` })).sets

/** An interrupted job continues automatically; otherwise it is requested again. */
async function untilBoth(app: TestApp, count: number): Promise<void> {
  await until(async () => {
    const sets = await setsOf(app)
    const other = sets.find(({ state }) => state !== 'serving')
    if (other === undefined || (other.state === 'building' && other.job === undefined)) {
      await built(app)
      return false
    }
    return other.job === undefined && sets.every((set) => set.count === count)
  }, 'both sets complete')
}

/** One set serves all of the pictures, and answers with its own model. */
async function expectWhole(app: TestApp, ids: ReadonlySet<string>): Promise<void> {
  const sets = await setsOf(app)
  const [serving, ...more] = sets.filter(({ state }) => state === 'serving')
  assert.deepEqual([more.length, sets.length <= 2, serving?.count], [0, true, ids.size])
  const { images } = await app.call(200, { url: `${gallery}/images?limit=1000` })
  assert.deepEqual(new Set(images.map(({ id }) => id)), ids)
  const payload = { imageId: images[0]!.id, includeSelf: true, include: ['vector'], k: 3 }
  const found = await app.call<{ modelId: string; vector: number[]; hits: { score: number }[] }>(200, {
    method: 'POST',
    url: `${gallery}/search`,
    payload,
  })
  assert.deepEqual([found.modelId, found.vector.length], [serving!.modelId, serving!.dimension])
  assert.ok(found.hits[0]!.score > 0.999)
}

async function linesOf(file: string, line: string): Promise<number> {
  const text = await readFile(file, 'utf8').catch(() => '')
  return text.split('\n').filter((one) => one === line).length
}
