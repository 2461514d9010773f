/**
 * kill -9 at random moments while another set is built, while sets are switched, and while pictures come and go:
 * nothing is lost or half switched.
 */
import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { seededRandom } from '../../src/eval/random.js'
import { drawImage, drawnLabels } from './drawn-images.js'
import { handmadeModel, writeHandmadeModel } from './handmade-onnx.js'
import { startProcess } from './service-process.js'
import { temporaryFolder } from './temporary-folder.js'
import { until } from './until.js'

const gallery = '/v1/galleries/g'

/** So few that a build ends, at the rate set below, although pictures are stored meanwhile. */
const storedMax = 200

interface SetStatus {
  modelId: string
  dimension: number
  state: 'building' | 'ready' | 'serving' | 'kept'
  count: number
  job?: string
}

/** Acknowledged changes; a change in progress during a kill is in neither list, because either outcome is right. */
class Ledger {
  readonly present = new Set<string>()
  readonly removed = new Set<string>()
  /** Number of acknowledged picture changes. */
  changes = 0
  exchanges = 0
  builds = 0
}

/** Requests to a service that may be killed at any moment. */
class Killable {
  readonly #address: string
  /** Unanswered requests, and the last answers of each kind: what is known if the service stands still. */
  readonly #pending = new Map<number, string>()
  readonly #answered = new Map<string, string>()
  #calls = 0

  constructor(address: string) {
    this.#address = address
  }

  async call<Given>(method: string, path: string, body?: object): Promise<{ status: number; given: Given }> {
    const call = ++this.#calls
    this.#pending.set(call, `${method} ${path}`)
    const response = await fetch(`${this.#address}${path}`, {
      method,
      ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    })
    const text = await response.text()
    this.#pending.delete(call)
    this.#answered.set(`${method} ${path.split('/')[4]}`, `${response.status} ${text.slice(0, 400)}`)
    return { status: response.status, given: (text === '' ? undefined : JSON.parse(text)) as Given }
  }

  get account(): string {
    return JSON.stringify({ calls: this.#calls, pending: [...this.#pending.values()], answered: [...this.#answered] })
  }

  async sets(): Promise<SetStatus[]> {
    return (await this.call<{ sets: SetStatus[] }>('GET', `${gallery}/sets`)).given.sets
  }

  async ids(): Promise<Set<string>> {
    const { given } = await this.call<{ images: { id: string }[] }>('GET', `${gallery}/images?limit=1000`)
    return new Set(given.images.map(({ id }) => id))
  }
}

async function environmentOf(
  t: TestContext,
): Promise<{ environment: Record<string, string>; models: [string, string] }> {
  const folder = await temporaryFolder(t)
  const [first, other] = [await handmadeModel(t, { dimension: 24 }), join(folder, 'models', 'other')]
  await mkdir(other, { recursive: true })
  const second = await writeHandmadeModel(other, { inputSize: 16, dimension: 12, name: 'other' })
  return {
    environment: {
      DATA_DIR: join(folder, 'data'),
      MODEL_DIR: first.folder,
      MODELS_DIR: join(folder, 'models'),
      RE_EMBEDDING_RATE_MAX: '60',
    },
    models: [first.manifest.id, second.manifest.id],
  }
}

async function write(service: Killable, ledger: Ledger, random: () => number, round: number): Promise<never> {
  for (let n = 0; ; n++) {
    const id = `r${round}-${n}`
    const label = drawnLabels[n % drawnLabels.length]!
    const image = (await drawImage(label, Math.floor(random() * 1e9), { width: 24, height: 24 })).toString('base64')
    const { status } = await service.call('PUT', `${gallery}/images/${id}`, { image, label })
    if (status === 201) {
      ledger.present.add(id)
      ledger.changes++
    } else assert.ok([409, 429, 503].includes(status), `${status}`)
    const { size } = ledger.present
    if ((random() < 0.15 && size > 10) || size > storedMax) {
      const [gone] = ledger.present
      ledger.present.delete(gone!)
      if ((await service.call('DELETE', `${gallery}/images/${gone}`)).status !== 204) continue
      ledger.removed.add(gone!)
      ledger.changes++
    }
  }
}

/** Builds the other set, switches between the two, and occasionally starts over. */
async function exchange(service: Killable, ledger: Ledger, random: () => number, models: string[]): Promise<never> {
  for (;;) {
    const sets = await service.sets()
    const serving = sets.find(({ state }) => state === 'serving')!.modelId
    const model = models.find((one) => one !== serving)!
    const other = sets.find(({ state }) => state !== 'serving')
    if (other === undefined || (other.state === 'building' && other.job === undefined)) {
      if ((await service.call('POST', `${gallery}/sets`, { model, withoutOriginal: 'leave_out' })).status === 202)
        ledger.builds++
    } else if (other.state !== 'building') {
      // if it were rebuilt repeatedly during its evaluation, a set would hardly ever serve
      if (random() < (other.job === undefined ? 0.15 : 0.01)) await service.call('DELETE', `${gallery}/sets/${model}`)
      else if ((await service.call('PUT', `${gallery}/serving`, { model, force: true })).status === 200)
        ledger.exchanges++
    }
    await sleep(random() * 60)
  }
}

async function expectWhole(service: Killable, { present, removed }: Ledger): Promise<void> {
  const sets = await service.sets()
  const [serving, ...more] = sets.filter(({ state }) => state === 'serving')
  assert.deepEqual([more.length, sets.length <= 2], [0, true])
  const ids = await service.ids()
  for (const id of present) assert.ok(ids.has(id), `${id} was acknowledged`)
  for (const id of removed) assert.ok(!ids.has(id), `${id} was removed`)
  assert.equal(ids.size, serving!.count)
  if (ids.size === 0) return
  const [imageId] = ids
  const { given } = await service.call<{ modelId: string; vector: number[] }>('POST', `${gallery}/search`, {
    imageId,
    include: ['vector'],
    k: 50,
  })
  assert.deepEqual([given.modelId, given.vector.length], [serving!.modelId, serving!.dimension])
}

export interface ChangeKills {
  builds: number
  exchanges: number
  /** Stages of the sets at each kill. */
  killed: string[]
  /** Acknowledged and present. */
  stored: number
  removed: number
}

/** No acknowledged picture is lost in either set, and one of them serves. */
export async function killChanges(
  t: TestContext,
  { rounds, seed }: { rounds: number; seed: number },
): Promise<ChangeKills> {
  const { environment, models } = await environmentOf(t)
  const random = seededRandom(seed)
  const ledger = new Ledger()
  const killed: string[] = []
  for (let round = 0; round < rounds; round++) {
    const process = await startProcess(t, environment)
    const service = new Killable(process.address)
    if (round === 0) await service.call('PUT', gallery, {})
    await expectWhole(service, ledger)
    // alternate between kills during switches and during builds
    if (round % 2 === 1) await untilComplete(service, models)
    const before = { changes: ledger.changes, exchanges: ledger.exchanges }
    const fault: { reason?: unknown; expected: boolean } = { expected: false }
    const unlessKilled = (reason: unknown) => {
      if (!fault.expected) fault.reason ??= reason
    }
    const work = [
      write(service, ledger, random, round).catch(unlessKilled),
      exchange(service, ledger, random, models).catch(unlessKilled),
    ]
    // measured by work done, not by the clock, so that a kill on a slow machine is as effective
    const enough = 10 + random() * 60
    await until(
      () => {
        if (fault.reason !== undefined) throw fault.reason
        return ledger.changes - before.changes > enough && (round % 2 === 0 || ledger.exchanges > before.exchanges)
      },
      'enough work to be killed in',
      240_000, // writes yield to a job that embeds everything
    ).catch((cause: unknown) => {
      throw new Error(`${String(cause)}; ${service.account}; log: ${JSON.stringify(process.log.slice(-20))}`, { cause })
    })
    const sets = await service.sets()
    killed.push(sets.map(({ state, job }) => `${state}${job === undefined ? '' : ' with a job'}`).join(', '))
    await sleep(random() * 30)
    fault.expected = true
    await process.stop('SIGKILL')
    await Promise.all(work)
    if (fault.reason !== undefined) throw fault.reason
  }
  assert.ok(ledger.exchanges > 0)

  const process = await startProcess(t, environment)
  const service = new Killable(process.address)
  await expectWhole(service, ledger)
  await untilComplete(service, models)
  const before = await service.ids()
  const serving = (await service.sets()).find(({ state }) => state === 'serving')!.modelId
  const model = models.find((one) => one !== serving)!
  const exchanged = await service.call('PUT', `${gallery}/serving`, { model, force: true })
  assert.equal(exchanged.status, 200)
  assert.deepEqual(await service.ids(), before)
  await expectWhole(service, ledger)
  assert.equal(await process.stop('SIGTERM'), 0)
  const { builds, exchanges, present, removed } = ledger
  return { builds, exchanges, killed, stored: present.size, removed: removed.size }
}

async function untilComplete(service: Killable, models: readonly string[]): Promise<void> {
  await until(async () => {
    const sets = await service.sets()
    const [serving, other] = [true, false].map((is) => sets.find(({ state }) => (state === 'serving') === is))
    if (other !== undefined && other.state !== 'building')
      return other.job === undefined && other.count === serving!.count
    if (other?.job === undefined) {
      const model = models.find((one) => one !== serving!.modelId)
      await service.call('POST', `${gallery}/sets`, { model, withoutOriginal: 'leave_out' })
    }
    return false
  }, 'both sets complete')
}
