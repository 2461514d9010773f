/**
 * Scheduling of jobs by pg-boss: one job per gallery at a time, by priority and order of arrival; a job whose worker is
 * silent is handed out again. The content and progress of a job are in our own tables: every call here joins the
 * transaction that changes those. The only importer of pg-boss.
 */
import { type ConnectionOptions, PgBoss } from 'pg-boss'
import packageJson from 'pg-boss/package.json' with { type: 'json' }
import { loggedMigration, type MigrationLogger } from '../gallery/logged-migration.js'
import type { JobKind } from '../jobs/job.js'
import { askLock, lockKinds } from './advisory-locks.js'
import type { Postgres, Sql } from './postgres.js'
import { newerTables } from './schema.js'

export interface JobQueuesOptions {
  /** A worker that is silent for longer loses its job. At least 10. */
  leaseSeconds: number
  /** Errors of its maintenance, which continues in the background. */
  onError(error: unknown): void
  logger: MigrationLogger
}

/** The queue's identification of a job. */
export interface Delivery {
  kind: JobKind
  delivery: string
}

/** A job held by a worker. An attempt other than the latest has lost it. */
export interface Claim extends Delivery {
  attempt: number
}

/** Kinds that run one after the other share a queue; a claim names all kinds of one queue. */
const queues: Readonly<Record<JobKind, string>> = {
  ingest: 'ingest',
  evaluate: 'analysis',
  duplicates: 'analysis',
  doctor: 'analysis',
  layout: 'analysis',
  're-embedding': 're-embedding',
  move: 'move',
}
const schema = 'alike_queue'
const daySeconds = 86_400
/** One active job per key; the key is the gallery. */
const policy = 'singleton'
const settings = {
  retryLimit: 1_000_000, // `jobs/trials.ts` decides when a job is given up
  retryDelay: 0,
  expireInSeconds: daySeconds - 1, // the maximum
  retentionSeconds: 3650 * daySeconds, // retention of a waiting job
  // never: a paused job counts as ended here; those that have ended are removed one by one
  deleteAfterSeconds: 0,
} as const

/** Of an integer in PostgreSQL. */
const priorityMax = 2 ** 31 - 1

/** Before the queue itself would expire a claim. */
export const claimMaxMs = (daySeconds - 3_600) * 1_000

export class JobQueues {
  readonly #boss: PgBoss

  private constructor(boss: PgBoss) {
    this.#boss = boss
  }

  /** @throws AlikeError `data_unreadable` for tables of a newer version of pg-boss, `store_unreachable` */
  static async open(postgres: Postgres, { leaseSeconds, onError, logger }: JobQueuesOptions): Promise<JobQueues> {
    const boss = new PgBoss({
      db: sqlOf(postgres),
      schema,
      schedule: false,
      superviseIntervalSeconds: 2,
      monitorIntervalSeconds: 2,
      registerInstance: false,
      openTelemetry: { enabled: false },
    })
    boss.on('error', onError)
    try {
      const done = (await boss.isInstalled()) ? ((await boss.schemaVersion()) ?? 0) : 0
      const { schema: known } = packageJson.pgboss
      if (done > known) throw newerTables(schema, done, known) // pg-boss itself would use them
      await loggedMigration(logger, { store: `PostgreSQL, ${schema}`, from: done, to: known }, () => boss.start())
      const wanted = { ...settings, heartbeatSeconds: leaseSeconds }
      for (const queue of new Set(Object.values(queues))) {
        await boss.createQueue(queue, { ...wanted, policy })
        await boss.updateQueue(queue, wanted) // creating one that exists changes nothing
      }
    } catch (error) {
      await boss.stop({ graceful: false }).catch(() => {}) // its timers would keep the process from ending
      throw error
    }
    return new JobQueues(boss)
  }

  async send(
    sql: Sql,
    { kind, delivery }: Delivery,
    { galleryUid, priority }: { galleryUid: string; priority: number },
  ): Promise<void> {
    await this.#boss.send(queues[kind], null, {
      ...by(sql),
      id: delivery,
      singletonKey: galleryUid,
      group: { id: galleryUid },
      priority,
    })
  }

  /**
   * Claims the next job for this process. Claims from a queue wait for each other: one made while another is not yet
   * committed would skip the job that is being taken, and could take a later one of the same gallery before it.
   * @param leftOut uids of galleries whose jobs this process is not to be given
   */
  async claim(sql: Sql, kinds: readonly JobKind[], leftOut: readonly string[]): Promise<Claim | undefined> {
    const kind = kinds[0]!
    // a process that vanishes in the middle of its claim keeps the others waiting no longer than this
    await sql.query(`SELECT set_config('idle_in_transaction_session_timeout', '10s', true)`)
    await askLock(sql, 'pg_advisory_xact_lock', lockKinds.claims, queues[kind])
    const [job] = await this.#boss.fetch(queues[kind], {
      ...by(sql),
      includeMetadata: true,
      ignoreGroups: [...leftOut],
    })
    return job && { kind, delivery: job.id, attempt: job.retryCount }
  }

  /** @returns false if another worker has the job */
  async renew(sql: Sql, claim: Claim): Promise<boolean> {
    const touched = await this.#boss.touch(queues[claim.kind], attemptIn(claim), by(sql))
    return (touched as { affected: number }).affected > 0 // its type omits the result
  }

  /** Returns a job to the queue, or parks it while it is paused. */
  async release(sql: Sql, claim: Delivery, { paused, priority }: { paused: boolean; priority: number }): Promise<void> {
    await this.pause(sql, claim)
    if (paused) return
    await this.unpause(sql, claim)
    await this.prefer(sql, claim, priority)
  }

  /** Prevents it from being handed out. */
  async pause(sql: Sql, { kind, delivery }: Delivery): Promise<void> {
    await this.#boss.cancel(queues[kind], delivery, by(sql))
  }

  async unpause(sql: Sql, { kind, delivery }: Delivery): Promise<void> {
    await this.#boss.resume(queues[kind], delivery, by(sql))
  }

  /** For a waiting job. @param priority `first`: before all others, until it is released */
  async prefer(sql: Sql, { kind, delivery }: Delivery, priority: number | 'first'): Promise<void> {
    const number = priority === 'first' ? priorityMax : priority
    await this.#boss.update(queues[kind], undefined, { ...by(sql), id: delivery, priority: number })
  }

  /** For a finished job. */
  async remove(sql: Sql, { kind, delivery }: Delivery): Promise<void> {
    await this.#boss.deleteJob(queues[kind], delivery, by(sql))
  }

  async close(): Promise<void> {
    await this.#boss.stop({ graceful: false })
  }
}

const by = (sql: Sql): ConnectionOptions => ({ db: sqlOf(sql) })

function sqlOf(sql: Sql) {
  return { executeSql: async (text: string, values: unknown[] = []) => ({ rows: await sql.query(text, values) }) }
}

const attemptIn = ({ delivery, attempt }: Claim) => ({ id: delivery, retryCount: attempt })
