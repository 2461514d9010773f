/**
 * A gallery whose service is killed with `kill -9`, alone or together with its Weaviate server, and which is then compared with everything
 * that was acknowledged.
 */
import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import pMap from 'p-map'
import { drawImage, drawnLabels } from '../../support/drawn-images.js'
import { handmadeModel, writeHandmadeModel } from '../../support/handmade-onnx.js'
import type { Job } from '../../support/jobs.js'
import { type ServiceProcess, startProcess } from '../../support/service-process.js'
import { temporaryFolder } from '../../support/temporary-folder.js'
import { until } from '../../support/until.js'
import { type RunningWeaviate, startWeaviate } from '../../support/weaviate-server.js'
import { SetsInWeaviate } from './sets-in-weaviate.js'

export const gallery = '/v1/galleries/g'
const pictures = 120
const jobWithinMs = 240_000

export interface KillCounts {
  kills: number
  /** Of which while a job ran. */
  duringJob: number
  /** Pictures that were stored and not found right after a kill; nobody had been told that they are stored. */
  halfStored: number
  /** Jobs that a successor did not complete, with their codes. */
  failedJobs: string[]
}

export interface SetView {
  modelId: string
  state: 'building' | 'ready' | 'serving' | 'kept'
  count: number
  job?: string
}

interface Parts {
  t: TestContext
  random: () => number
  weaviate: RunningWeaviate
  environment: Record<string, string>
  sets: SetsInWeaviate
}

export class KilledGallery {
  readonly counts: KillCounts = { kills: 0, duringJob: 0, halfStored: 0, failedJobs: [] }
  /** As acknowledged, by id; undefined: removed. A change that a kill interrupts may have happened or not. */
  readonly #labels = new Map<string, string | undefined>()
  readonly #interrupted = new Set<string>()
  readonly #parts: Parts
  #service!: ServiceProcess
  #isKilled = false

  private constructor(parts: Parts) {
    this.#parts = parts
  }

  /** @param settings of the service @returns with some pictures, and a second model in `other` */
  static async open(
    t: TestContext,
    random: () => number,
    settings: Record<string, string> = {},
  ): Promise<{ killed: KilledGallery; models: string[] }> {
    const folder = await temporaryFolder(t)
    const [first, other] = [await handmadeModel(t, { dimension: 24 }), join(folder, 'models', 'other')]
    await mkdir(other, { recursive: true })
    const second = await writeHandmadeModel(other, { inputSize: 16, dimension: 12, name: 'other' })
    const weaviate = await startWeaviate()
    t.after(() => weaviate.kill())
    const environment = {
      DATA_DIR: join(folder, 'data'),
      MODEL_DIR: first.folder,
      MODELS_DIR: join(folder, 'models'),
      WEAVIATE_URL: weaviate.settings.url,
      WEAVIATE_GRPC: weaviate.settings.grpcAddress,
      WEAVIATE_TIMEOUT_MS: '10000',
      GATE_QUERIES: '10',
      ...settings,
    }
    const killed = new KilledGallery({
      t,
      random,
      weaviate,
      environment,
      sets: new SetsInWeaviate(weaviate, environment.DATA_DIR),
    })
    await killed.#start()
    await killed.call('PUT', gallery, {})
    await pMap(Array(pictures).keys(), (n) => killed.#put(`p${n}`), { concurrency: 8 })
    return { killed, models: [first.manifest.id, second.manifest.id] }
  }

  async call<Given>(method: string, path: string, body?: object): Promise<{ status: number; given: Given }> {
    const response = await fetch(`${this.#service.address}${path}`, {
      method,
      ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, given: (text === '' ? undefined : JSON.parse(text)) as Given }
  }

  async sets(): Promise<SetView[]> {
    return (await this.call<{ sets: SetView[] }>('GET', `${gallery}/sets`)).given.sets
  }

  /** Does this work while pictures are written, and kills the service meanwhile. @param withServer the server, too */
  async kill(work: () => Promise<void>, { withServer }: { withServer: boolean }): Promise<void> {
    const { random, weaviate, sets } = this.#parts
    const failures: unknown[] = []
    const unlessKilled = (error: unknown) => {
      if (!this.#isKilled) failures.push(error)
    }
    const working = [this.#write(), work()].map((one) => one.catch(unlessKilled))
    await sleep(50 + random() ** 2 * 2_000)
    const isJobRunning = (await this.#unfinishedJobs()).length > 0
    if (random() < 0.6) await sets.untilMoreStored()
    else await sleep(random() * 60)
    this.#isKilled = true
    const killing: Promise<unknown>[] = [this.#service.stop('SIGKILL')]
    if (withServer && random() < 0.3) await sleep(random() * 40)
    if (withServer) killing.push(weaviate.kill())
    await Promise.all([...killing, ...working])
    if (failures.length > 0) throw failures[0]
    this.counts.kills++
    this.counts.duringJob += Number(isJobRunning)
    // which of the two is back first differs
    if (withServer && random() < 0.5) await weaviate.start()
    else if (withServer) return void (await Promise.all([this.#start(), weaviate.start()]))
    await this.#start()
  }

  /** All that was acknowledged is there, and found by the server's own graph in the set that serves. */
  async expectIntact(): Promise<void> {
    const given = await until(async () => {
      const list = await this.call<{ images: { id: string; label: string }[] }>('GET', `${gallery}/images?limit=1000`)
      return list.status === 200 && list.given
    }, 'a list')
    const stored = new Map(given.images.map(({ id, label }) => [id, label]))
    const acknowledged = [...this.#labels].filter(([id]) => !this.#interrupted.has(id))
    for (const [id, label] of acknowledged) assert.equal(stored.get(id), label, `${id} was acknowledged`)
    const states = (await this.sets()).map(({ state }) => state)
    assert.deepEqual([states.filter((state) => state === 'serving').length, states.length <= 2], [1, true])
    for (const set of this.#parts.sets.list()) {
      const lost = await this.#parts.sets.notFound(set)
      this.counts.halfStored += lost.length
      if (set.stage === 'serving')
        assert.deepEqual(
          lost.filter((id) => !this.#interrupted.has(id)),
          [],
          'not found',
        )
    }
    const present = acknowledged.flatMap(([id, label]) => (label === undefined ? [] : id))
    for (let n = 0; n < 10; n++) await this.#expectFound(present[Math.floor(this.#parts.random() * present.length)]!)
    for (const id of this.#interrupted) this.#labels.set(id, stored.get(id))
    this.#interrupted.clear()
  }

  /** Both sets have everything, and the server has the collections of the gallery's sets and no others. */
  async expectComplete(): Promise<void> {
    await until(async () => new Set((await this.sets()).map(({ count }) => count)).size === 1, 'both sets complete')
    const { sets } = this.#parts
    for (const set of sets.list())
      await until(async () => (await sets.notFound(set)).length === 0, 'everything stored being found')
    await until(() => sets.areAll(), 'the end of every other collection')
  }

  async untilJobsEnded(): Promise<void> {
    for (const { id } of await this.#unfinishedJobs()) await this.untilEnded(id)
  }

  async untilEnded(id: string): Promise<Job> {
    const ended = async () => {
      const { given: job } = await this.call<Job>('GET', `/v1/jobs/${id}`)
      return job.finishedAt !== null && job
    }
    const job = await until(ended, 'the end of the job', jobWithinMs)
    if (job.state !== 'succeeded') this.counts.failedJobs.push(job.failure?.code ?? job.state)
    return job
  }

  /** @returns how many pictures there are */
  async close(): Promise<number> {
    assert.equal(await this.#service.stop('SIGTERM'), 0)
    return [...this.#labels.values()].filter((label) => label !== undefined).length
  }

  async #start(): Promise<void> {
    this.#isKilled = false
    this.#service = await startProcess(this.#parts.t, this.#parts.environment)
  }

  /** Stores, relabels and removes pictures until the service is killed. */
  async #write(): Promise<void> {
    const { random } = this.#parts
    for (let n = 0; !this.#isKilled; n++) {
      const present = [...this.#labels].flatMap(([id, label]) => (label === undefined ? [] : id))
      const some = present[Math.floor(random() * present.length)]!
      const what = random()
      if (what < 0.25) await this.#put(some)
      else if (what < 0.5) await this.#put(`k${this.counts.kills}-${n}`)
      else if (what < 0.75) await this.#change(some, 'PATCH', `again ${n}`, { label: `again ${n}` })
      else if (present.length > pictures) await this.#change(some, 'DELETE', undefined)
      await sleep(random() * 20)
    }
  }

  async #put(id: string): Promise<void> {
    const { random } = this.#parts
    const label = drawnLabels[Math.floor(random() * drawnLabels.length)]!
    const image = await drawImage(label, Math.floor(random() * 1e9), { width: 24, height: 24 })
    await this.#change(id, 'PUT', label, { image: image.toString('base64'), label })
  }

  async #change(id: string, method: string, label: string | undefined, body?: object): Promise<void> {
    this.#interrupted.add(id)
    const { status } = await this.call(method, `${gallery}/images/${id}`, body)
    assert.ok(status < 300 || [409, 429, 503].includes(status), `${method}: ${status}`)
    if (status >= 300) return
    this.#labels.set(id, label)
    this.#interrupted.delete(id)
  }

  async #unfinishedJobs(): Promise<Job[]> {
    const { given } = await this.call<{ jobs: Job[] }>('GET', '/v1/jobs?limit=100')
    return given.jobs.filter(({ finishedAt }) => finishedAt === null)
  }

  async #expectFound(imageId: string): Promise<void> {
    const { status, given } = await this.call<{ hits: { id: string; score: number }[] }>('POST', `${gallery}/search`, {
      imageId,
      includeSelf: true,
      k: 16,
    })
    assert.equal(status, 200, JSON.stringify(given))
    const isFound = given.hits.some(({ id }) => id === imageId) || given.hits.at(-1)!.score > 0.99999
    assert.ok(isFound, `a search finds ${imageId}`)
  }
}
