/**
 * kill -9 at random moments during uploads, deletions, bulk jobs and snapshots, again and again on
 * one data folder: whatever was acknowledged is there and found, whatever was deleted stays gone.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { seededRandom } from '../../src/eval/random.js'
import { temporaryFolder, type Answer } from '../support/app.js'
import { tarOf } from '../support/archives.js'
import { drawnLabels, drawPicture } from '../support/drawn-pictures.js'
import { handmadeModel } from '../support/handmade-onnx.js'
import { startProcess } from '../support/service-process.js'

const rounds = 20
const seed = 20_260_301
/** Small bounds, so that graphs, snapshots and tombstones are all in play with a few hundred pictures. */
const settings = { EXACT_BELOW: '40', SNAPSHOT_AFTER_WRITES: '25', SNAPSHOT_AFTER_SECONDS: '1' }
const startLimitMs = 10_000

type Job = Answer['jobs'][number]

/** What the clients were told. An answer that never came leaves both possible. */
class Ledger {
  readonly stored = new Map<string, { label: string; picture: number }>()
  readonly deleted = new Set<string>()
  readonly jobs = new Map<string, { prefix: string; pictures: number[]; done: number }>()
}

test(`nothing acknowledged is lost in ${rounds} kills`, async (t) => {
  const environment = { ...settings, DATA_DIR: await temporaryFolder(t), MODEL_DIR: (await handmadeModel(t, { dimension: 24 })).folder }
  const random = seededRandom(seed)
  const pictures = await Promise.all(Array.from({ length: 120 }, (_, n) => drawPicture(drawnLabels[n % 4]!, n, { width: 24, height: 24, format: 'png' })))
  const ledger = new Ledger()
  let slowestStartMs = 0

  for (let round = 0; round < rounds; round++) {
    const service = await startProcess(t, environment)
    slowestStartMs = Math.max(slowestStartMs, service.startMs)
    const client = new Client(service.address, pictures, ledger)
    if (round === 0) await client.call('PUT', '')
    await client.verify(`after kill ${round}`)

    const work = [client.putUntilKilled(round, 'x'), client.putUntilKilled(round, 'y'), client.deleteUntilKilled(random)]
    if (round % 3 === 0) work.push(client.ingest(round, random))
    await sleep(40 + random() * 400)
    assert.equal(await service.stop('SIGKILL'), 'SIGKILL')
    await Promise.all(work)
  }

  const service = await startProcess(t, environment)
  const client = new Client(service.address, pictures, ledger)
  await client.verifyJobs()
  await client.verify('at the end')
  t.diagnostic(`${ledger.stored.size} pictures stored, ${ledger.deleted.size} deleted, ${ledger.jobs.size} jobs; slowest start ${Math.round(slowestStartMs)} ms`)
  assert.ok(ledger.stored.size > 50)
  assert.ok(slowestStartMs < startLimitMs, `the slowest start took ${slowestStartMs} ms`)
  assert.equal(await service.stop('SIGTERM'), 0)
})

class Client {
  readonly #gallery: string
  readonly #address: string
  readonly #pictures: Buffer[]
  readonly #ledger: Ledger

  constructor(address: string, pictures: Buffer[], ledger: Ledger) {
    this.#address = address
    this.#gallery = `${address}/v1/galleries/killed`
    this.#pictures = pictures
    this.#ledger = ledger
  }

  /** @returns undefined when the connection broke, or the answer is none that acknowledges */
  async call(method: string, path: string, type?: string, body?: Buffer): Promise<Answer | undefined> {
    try {
      const response = await fetch(`${this.#gallery}${path}`, { method, ...(body && { body: new Uint8Array(body) }), ...(type !== undefined && { headers: { 'content-type': type } }) })
      const text = await response.text()
      assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`)
      return text === '' ? ({} as Answer) : (JSON.parse(text) as Answer)
    } catch (error) {
      if (error instanceof TypeError) return undefined // fetch's name for a broken connection
      throw error
    }
  }

  async putUntilKilled(round: number, client: string): Promise<void> {
    for (let n = 0; ; n++) {
      const id = `${round}-${client}-${n}`
      const picture = (round * 31 + n * 7 + (client === 'x' ? 0 : 3)) % this.#pictures.length
      const label = `label ${n % 5}`
      const stored = await this.call('PUT', `/images/${id}?label=${encodeURIComponent(label)}`, 'image/png', this.#pictures[picture])
      if (stored === undefined) return
      this.#ledger.stored.set(id, { label, picture })
    }
  }

  async deleteUntilKilled(random: () => number): Promise<void> {
    for (;;) {
      await sleep(15)
      const ids = [...this.#ledger.stored.keys()]
      const id = ids[Math.floor(random() * ids.length)]
      if (id === undefined) {
        // nothing to delete: a killed service is noticed all the same
        if ((await this.call('GET', '')) === undefined) return
        continue
      }
      // From now on both is possible, until the answer is there.
      this.#ledger.stored.delete(id)
      if ((await this.call('DELETE', `/images/${encodeURIComponent(id)}`)) === undefined) return
      this.#ledger.deleted.add(id)
    }
  }

  async ingest(round: number, random: () => number): Promise<void> {
    const prefix = `job-${round}`
    const pictures = Array.from({ length: 60 }, () => Math.floor(random() * this.#pictures.length))
    const archive = await tarOf(pictures.map((picture, n) => ({ path: `${prefix}/${n}.png`, content: this.#pictures[picture]! })))
    const job = (await this.call('POST', '/ingest', 'application/x-tar', archive)) as unknown as Job | undefined
    if (job === undefined) return
    const entry = { prefix, pictures, done: 0 }
    this.#ledger.jobs.set(job.id, entry)
    for (;;) {
      const now = await this.#job(job.id).catch(() => undefined)
      if (now === undefined) return
      entry.done = Math.max(entry.done, now.done)
      await sleep(10)
    }
  }

  async #job(id: string): Promise<Job> {
    return (await (await fetch(`${this.#address}/v1/jobs/${id}`)).json()) as Job
  }

  /** Every acknowledged picture has its record and is the first hit of its own search; deleted ones are gone. */
  async verify(when: string): Promise<void> {
    const images = new Map<string, string | null>()
    for (let cursor = ''; ;) {
      const page = await this.call('GET', `/images?limit=1000${cursor}`)
      for (const { id, label } of page!.images) images.set(id, label)
      if (page!.nextCursor === undefined) break
      cursor = `&cursor=${encodeURIComponent(page!.nextCursor)}`
    }
    for (const [id, { label }] of this.#ledger.stored) assert.equal(images.get(id), label, `${id} is there ${when}`)
    for (const id of this.#ledger.deleted) assert.equal(images.has(id), false, `${id} stays deleted ${when}`)

    for (const [position, [id, { picture }]] of [...this.#ledger.stored].entries()) {
      // The same picture lies under several ids: its score says that it was found, the id filter that it is this one.
      if (position % 7 === 0) {
        const byPicture = await this.call('POST', '/search?k=100', 'image/png', this.#pictures[picture])
        const hit = byPicture!.hits.find((found) => found.id === id)
        assert.ok(hit !== undefined && hit.score > 0.9999, `${id} is found by its picture ${when}`)
        assert.ok(byPicture!.hits.every((found) => !this.#ledger.deleted.has(found.id)), `no deleted picture is found ${when}`)
      }
      const byId = await this.call('POST', `/search?imageId=${encodeURIComponent(id)}&includeSelf=true&k=100&minScore=0.9999`)
      assert.ok(byId!.hits.some((found) => found.id === id), `${id} is found ${when}`)
    }
    for (const [id, { done }] of this.#ledger.jobs) assert.ok((await this.#job(id)).done >= done, `job ${id} has not gone back ${when}`)
  }

  /** Accepted jobs end, with every picture of theirs taken in exactly once. */
  async verifyJobs(): Promise<void> {
    for (const [id, { prefix, pictures }] of this.#ledger.jobs) {
      let job = await this.#job(id)
      for (let waited = 0; job.finishedAt === null && waited < 20_000; waited += 50) {
        await sleep(50)
        job = await this.#job(id)
      }
      assert.deepEqual([job.state, job.done, job.added, job.failed], ['succeeded', pictures.length, pictures.length, 0])
      for (const [n, picture] of pictures.entries()) this.#ledger.stored.set(`${prefix}/${n}.png`, { label: prefix, picture })
    }
  }
}
