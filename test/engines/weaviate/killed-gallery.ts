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
import { temporaryFolder } from '../../support/temporary-folder.js'
import { until } from '../../support/until.js'
import { startWeaviate } from '../../support/weaviate-server.js'
import type { KilledParts, KilledPartsOptions } from './killed-parts.js'

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

interface ListedImages {
  images: { id: string; label: string }[]
  nextCursor?: string
}

export class KilledGallery {
  readonly counts: KillCounts = { kills: 0, duringJob: 0, halfStored: 0, failedJobs: [] }
  /** As acknowledged, by id; undefined: removed. A change that a kill interrupts may have happened or not. */
  readonly #labels = new Map<string, string | undefined>()
  readonly #interrupted = new Set<string>()
  /** Ids that a set's graph did not find after a kill, by the set's uid: until the service has mended it, or they are stored again. */
  readonly #halfStored = new Map<string, Set<string>>()
  /** Ids that a job may still change. */
  readonly #inJobs = new Set<string>()
  readonly #parts: KilledParts
  readonly #random: () => number
  #isKilled = false

  private constructor(parts: KilledParts, random: () => number) {
    this.#parts = parts
    this.#random = random
  }

  /**
   * @param settings of the service
   * @param partsOf what is killed
   * @returns with some pictures, and a second model in `other`; undefined if a store is not installed
   */
  static async open(
    t: TestContext,
    random: () => number,
    partsOf: (options: KilledPartsOptions) => Promise<KilledParts | undefined>,
    settings: Record<string, string> = {},
  ): Promise<{ killed: KilledGallery; models: string[] } | undefined> {
    const folder = await temporaryFolder(t)
    const [first, other] = [await handmadeModel(t, { dimension: 24 }), join(folder, 'models', 'other')]
    await mkdir(other, { recursive: true })
    const second = await writeHandmadeModel(other, { inputSize: 16, dimension: 12, name: 'other' })
    const weaviate = await startWeaviate()
    t.after(() => weaviate.kill())
    const environment = {
      MODEL_DIR: first.folder,
      MODELS_DIR: join(folder, 'models'),
      WEAVIATE_URL: weaviate.settings.url,
      WEAVIATE_GRPC: weaviate.settings.grpcAddress,
      WEAVIATE_TIMEOUT_MS: '10000',
      GATE_QUERIES: '10',
      ...settings,
    }
    const parts = await partsOf({ t, random, weaviate, settings: environment, folder })
    if (parts === undefined) return undefined
    const killed = new KilledGallery(parts, random)
    await parts.open()
    await killed.call('PUT', gallery, {})
    await pMap(Array(pictures).keys(), (n) => killed.#put(`p${n}`), { concurrency: 8 })
    return { killed, models: [first.manifest.id, second.manifest.id] }
  }

  call<Given>(method: string, path: string, body?: object): Promise<{ status: number; given: Given }> {
    const json = body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
    return this.send(path, { method, ...json })
  }

  async send<Given>(path: string, request: RequestInit): Promise<{ status: number; given: Given }> {
    const response = await fetch(`${this.#parts.address}${path}`, { method: 'POST', ...request })
    const text = await response.text()
    return { status: response.status, given: (text === '' ? undefined : JSON.parse(text)) as Given }
  }

  async sets(): Promise<SetView[]> {
    return (await this.call<{ sets: SetView[] }>('GET', `${gallery}/sets`)).given.sets
  }

  /** Until then, works go on. */
  get isKilled(): boolean {
    return this.#isKilled
  }

  get parts(): KilledParts {
    return this.#parts
  }

  /** Does these works while pictures are written, and kills everything meanwhile. */
  async kill(...works: (() => Promise<void>)[]): Promise<void> {
    const failures: unknown[] = []
    const unlessKilled = (error: unknown) => {
      if (!this.#isKilled) failures.push(error)
    }
    const working = [() => this.#write(), ...works].map((work) => work().catch(unlessKilled))
    await sleep(50 + this.#random() ** 2 * 2_000)
    const isJobRunning = (await this.#unfinishedJobs()).length > 0
    if (this.#random() < 0.6) await this.#parts.sets.untilMoreStored()
    else await sleep(this.#random() * 60)
    this.#isKilled = true
    await this.#parts.kill()
    // a process that was spared may be waiting for the others
    await Promise.all([this.#parts.start(), ...working])
    if (failures.length > 0) throw failures[0]
    this.counts.kills++
    this.counts.duringJob += Number(isJobRunning)
    this.#isKilled = false
  }

  /** All that was acknowledged is there, and found by the server's own graph in the set that serves. */
  async expectIntact(): Promise<void> {
    const stored = await this.#listed()
    const acknowledged = [...this.#labels].filter(([id]) => !this.#isUnknown(id))
    for (const id of stored.keys()) assert.ok(this.#labels.has(id) || this.#isUnknown(id), `nobody has stored ${id}`)
    for (const [id, label] of acknowledged) assert.equal(stored.get(id), label, `${id} was acknowledged`)
    const states = (await this.sets()).map(({ state }) => state)
    assert.deepEqual([states.filter((state) => state === 'serving').length, states.length <= 2], [1, true])
    for (const set of await this.#parts.sets.list()) {
      const lost = await this.#parts.sets.notFound(set)
      this.counts.halfStored += lost.length
      const formerly = this.#halfStored.get(set.uid)
      const unexpected = lost.filter((id) => !this.#isUnknown(id) && formerly?.has(id) !== true)
      if (set.stage === 'serving' && unexpected.length > 0) {
        // while one is inserted into the indexes again, it is in none of them for some milliseconds
        await sleep(1_000)
        const still = await this.#parts.sets.notFound(set)
        assert.deepEqual(
          unexpected.filter((id) => still.includes(id)),
          [],
          'not found',
        )
      }
      this.#halfStored.set(set.uid, new Set(lost))
    }
    const isFound = (id: string) => ![...this.#halfStored.values()].some((ids) => ids.has(id))
    const present = acknowledged.flatMap(([id, label]) => (label !== undefined && isFound(id) ? id : []))
    for (let n = 0; n < 10; n++) await this.#expectFound(present[Math.floor(this.#random() * present.length)]!)
    for (const id of this.#interrupted) this.#labels.set(id, stored.get(id))
    this.#interrupted.clear()
  }

  /** Both sets have everything, and the server has the collections of the gallery's sets and no others. */
  async expectComplete(): Promise<void> {
    await until(async () => new Set((await this.sets()).map(({ count }) => count)).size === 1, 'both sets complete')
    const { sets } = this.#parts
    let lost: string[] = []
    const found = async () => {
      lost = (await Promise.all((await sets.list()).map((set) => sets.notFound(set)))).flat()
      return lost.length === 0
    }
    await until(found, 'everything stored being found').catch((error: Error) => {
      throw new Error(`${error.message}: ${lost.join(', ')}`)
    })
    // at the latest with the next sweep, if the process that removed a set could not reach the server
    await until(() => sets.areAll(), 'the end of every other collection', 660_000)
  }

  /** Of these ids nothing is known until it has ended. */
  jobBegins(ids: Iterable<string>): void {
    for (const id of ids) this.#inJobs.add(id)
  }

  /** @param isWhole false: some of it was done */
  jobEnded(labels: ReadonlyMap<string, string | undefined>, { isWhole }: { isWhole: boolean }): void {
    for (const [id, label] of labels) {
      this.#inJobs.delete(id)
      if (isWhole) this.#labels.set(id, label)
      else this.#interrupted.add(id)
    }
  }

  async untilJobsEnded(): Promise<void> {
    for (const { id } of await this.#unfinishedJobs()) await this.untilEnded(id)
  }

  async untilEnded(id: string): Promise<Job> {
    const ended = async () => {
      const { status, given: job } = await this.call<Job>('GET', `/v1/jobs/${id}`)
      return status === 200 && job.finishedAt !== null && job
    }
    const job = await until(ended, 'the end of the job', jobWithinMs)
    if (job.state !== 'succeeded') this.counts.failedJobs.push(job.failure?.code ?? job.state)
    return job
  }

  /** @returns how many pictures there are */
  async close(): Promise<number> {
    await this.#parts.end()
    return [...this.#labels.values()].filter((label) => label !== undefined).length
  }

  /** Labels by id. The list of a killed server lacks what it had not put into its indexes yet, until the service has done so. */
  async #listed(): Promise<Map<string, string>> {
    const count = async () => {
      const now = await this.#asked<{ count: number; unreachable?: true }>(gallery, 'a count')
      return now.unreachable === true ? Number.NaN : now.count
    }
    return until(async () => {
      const before = await count()
      const listed = await this.#list()
      return listed.size >= Math.min(before, await count()) && listed
    }, 'a list of everything')
  }

  async #list(): Promise<Map<string, string>> {
    const listed = new Map<string, string>()
    for (let after: string | undefined = ''; after !== undefined; ) {
      const page: ListedImages = await this.#asked<ListedImages>(`${gallery}/images?limit=1000${after}`, 'a list')
      for (const { id, label } of page.images) listed.set(id, label)
      after = page.nextCursor && `&cursor=${encodeURIComponent(page.nextCursor)}`
    }
    return listed
  }

  #asked<Given>(path: string, what: string): Promise<Given> {
    return until(async () => {
      const { status, given } = await this.call<Given>('GET', path)
      return status === 200 && given
    }, what)
  }

  /** By a change that was not answered, or by uploads, which alone change what they have stored. */
  #isTaken(id: string): boolean {
    return this.#interrupted.has(id) || id.startsWith('j')
  }

  /** Neither the former state nor the new one is certain. */
  #isUnknown(id: string): boolean {
    return this.#interrupted.has(id) || this.#inJobs.has(id)
  }

  /** Stores, relabels and removes pictures until the service is killed. */
  async #write(): Promise<void> {
    const random = this.#random
    for (let n = 0; !this.#isKilled; n++) {
      const present = [...this.#labels].flatMap(([id, label]) => (label === undefined || this.#isTaken(id) ? [] : id))
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
    const random = this.#random
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
    if (method === 'PUT') for (const ids of this.#halfStored.values()) ids.delete(id)
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
