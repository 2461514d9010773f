/** What is killed with `kill -9`, all at the same time, and started again in varying order: a service, alone or with the stores it uses. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { lockKinds } from '../../../src/postgres/advisory-locks.js'
import { inDatabase, postgresServer } from '../../support/postgres-server.js'
import { keysIn, newBucket, type RunningS3, skipWithoutS3Binary, startS3 } from '../../support/s3-server.js'
import { type ServiceProcess, startProcess } from '../../support/service-process.js'
import { until } from '../../support/until.js'
import type { RunningWeaviate } from '../../support/weaviate-server.js'
import { SetsInWeaviate, setsInFolder, setsInPostgres } from './sets-in-weaviate.js'

/** One that can be killed and started again. */
interface Part {
  kill(): Promise<unknown>
  /** Resolves once it is ready. */
  start(): Promise<unknown>
}

interface SharedStores {
  postgresUrl: string
  s3: RunningS3
  bucket: string
}

export interface KilledPartsOptions {
  t: TestContext
  random: () => number
  weaviate: RunningWeaviate
  settings: Record<string, string>
  folder: string
}

/** A store that is started up to so much later than the first part. */
const startsWithinMs = 3_000

export class KilledParts {
  readonly sets: SetsInWeaviate
  /** Starts of a process that ended because a store was not there yet. */
  vain = 0
  /** Kills of all parts but one. */
  spared = 0
  uploadsLeft = 0
  #kills = 0
  readonly #shared: SharedStores | undefined
  readonly #options: KilledPartsOptions
  /** All processes of the service; the first one answers. */
  readonly #services: RestartedService[]
  readonly #stores: readonly Part[]
  /** Killed, and not started yet. */
  readonly #down = new Set<Part>()

  private constructor(
    options: KilledPartsOptions,
    given: { services: Record<string, string>[]; stores: readonly Part[]; shared?: SharedStores },
  ) {
    this.#options = options
    this.#stores = given.stores
    this.#shared = given.shared
    this.#services = given.services.map((own) => new RestartedService(options, own, () => void this.vain++))
    const stored =
      given.shared === undefined ? setsInFolder(dataDirOf(options)) : setsInPostgres(given.shared.postgresUrl)
    this.sets = new SetsInWeaviate(options.weaviate, stored)
  }

  /** One process with its data folder. @param withServer Weaviate is killed with it */
  static async single(options: KilledPartsOptions, { withServer }: { withServer: boolean }): Promise<KilledParts> {
    const stores = withServer ? [options.weaviate] : []
    return new KilledParts(options, { services: [{ DATA_DIR: dataDirOf(options) }], stores })
  }

  /** A process that answers and one that works, with PostgreSQL, a bucket and Weaviate. @returns undefined, and skips the test, without them */
  static async shared(options: KilledPartsOptions): Promise<KilledParts | undefined> {
    const postgres = await postgresServer(options.t)
    if (postgres === undefined) return undefined
    if (skipWithoutS3Binary !== false) return void options.t.skip(skipWithoutS3Binary)
    const s3 = await startS3()
    options.t.after(() => s3.kill())
    const postgresUrl = await postgres.newDatabase()
    const bucket = await newBucket('killed', s3)
    const all = {
      POSTGRES_URL: postgresUrl,
      JOB_LEASE_SECONDS: '10',
      ORIGINALS_S3_BUCKET: bucket,
      ORIGINALS_S3_ENDPOINT: s3.endpoint,
      AWS_ACCESS_KEY_ID: 'alike',
      AWS_SECRET_ACCESS_KEY: 'alikealike',
    }
    const services = ['serve', 'work'].map((role) => ({ ...all, ROLE: role, DATA_DIR: join(options.folder, role) }))
    return new KilledParts(options, {
      services,
      stores: [options.weaviate, postgres, s3],
      shared: { postgresUrl, s3, bucket },
    })
  }

  /** Of the process that answers. */
  get address(): string {
    return this.#services[0]!.address
  }

  async open(): Promise<void> {
    for (const service of this.#services) await service.start()
  }

  /** Everything, or everything but one. */
  async kill(): Promise<void> {
    const { random } = this.#options
    const all = [...this.#services, ...this.#stores]
    const spared = all.length > 2 && random() < 0.25 ? all[Math.floor(random() * all.length)] : undefined
    this.#kills++
    this.spared += Number(spared !== undefined)
    const killed = all.filter((part) => part !== spared)
    for (const part of killed) this.#down.add(part)
    await Promise.all(
      killed.map(async (part) => {
        if (random() < 0.3) await sleep(random() * 40)
        await part.kill()
      }),
    )
  }

  /** In any order, each without waiting for the others. */
  async start(): Promise<void> {
    const { random } = this.#options
    const starting = [...this.#down].map(async (part) => {
      if (random() < 0.7) await sleep(random() * startsWithinMs)
      await part.start()
      this.#down.delete(part)
    })
    await Promise.all(starting)
    for (const { address } of this.#services)
      await until(async () => (await fetch(`${address}/readyz`)).status === 200, 'readiness')
  }

  /**
   * Once all jobs have ended: no entry of a queue, no lock of a write, a creation or a claim, and no uploads but those whose process was killed
   * before their job existed, or after it had ended: they are removed after a day.
   */
  async expectNothingLeft(): Promise<void> {
    const { postgresUrl, s3, bucket } = this.#shared!
    const isNone = async (text: string) => (await inDatabase(postgresUrl, text)).length === 0
    this.uploadsLeft = (await keysIn(s3, bucket, 'originals/uploads/')).length
    assert.ok(this.uploadsLeft <= 2 * this.#kills, `${this.uploadsLeft} uploads after ${this.#kills} kills`)
    await until(() => isNone('SELECT id FROM alike_queue.job'), 'the end of all entries of queues')
    const { mirror: _1, removals: _2, ...passing } = lockKinds
    const kinds = Object.values(passing).join(', ')
    await until(
      () => isNone(`SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND classid IN (${kinds})`),
      'the end of all locks',
    )
  }

  /** Ends the service gracefully. */
  async end(): Promise<void> {
    for (const service of this.#services) await service.end()
  }
}

/** As any supervisor would, it starts the process again if that ends because a store is not there. */
class RestartedService implements Part {
  readonly #options: KilledPartsOptions
  readonly #own: Record<string, string>
  readonly #onVain: () => void
  #process!: ServiceProcess

  constructor(options: KilledPartsOptions, own: Record<string, string>, onVain: () => void) {
    this.#options = options
    this.#own = own
    this.#onVain = onVain
  }

  get address(): string {
    return this.#process.address
  }

  kill(): Promise<unknown> {
    return this.#process.stop('SIGKILL')
  }

  async start(): Promise<void> {
    const { t, settings } = this.#options
    for (;;)
      try {
        this.#process = await startProcess(t, { ...settings, ...this.#own })
        return
      } catch (error) {
        assert.match(String(error), /store_unreachable/)
        this.#onVain()
      }
  }

  async end(): Promise<void> {
    assert.equal(await this.#process.stop('SIGTERM'), 0)
  }
}

const dataDirOf = ({ folder }: KilledPartsOptions) => join(folder, 'data')
