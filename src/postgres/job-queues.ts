/**
 * Who runs which job next, by pg-boss: one job of a gallery at a time, by priority and in the order of their coming; a job
 * whose worker is silent is handed out again. What a job is and how far it came stands in our own tables: every call here is
 * part of the transaction that changes those. Only importer of pg-boss.
 */
import { type ConnectionOptions, PgBoss } from 'pg-boss'
import type { JobKind } from '../jobs/job.js'
import type { Postgres, Sql } from './postgres.js'

export interface JobQueuesOptions {
  /** A worker that is silent for longer has lost its job. At least 10. */
  leaseSeconds: number
  /** Of its upkeep, which goes on without us. */
  onError(error: unknown): void
}

/** What the queue knows a job by. */
export interface Delivery {
  kind: JobKind
  delivery: string
}

/** A job in hand. An attempt that is not the last one has lost it. */
export interface Claim extends Delivery {
  attempt: number
}

/** Kinds that run one after the other share a queue; a claim names all kinds of one. */
const queues: Readonly<Record<JobKind, string>> = {
  ingest: 'ingest',
  evaluate: 'analysis',
  duplicates: 'analysis',
  doctor: 'analysis',
  layout: 'analysis',
  're-embedding': 're-embedding',
  move: 'move',
}
const daySeconds = 86_400
/** It keeps no more than the last day of its own records; ours are kept as long as the owner says. */
const policy = {
  policy: 'singleton', // one active job of a key, which is the gallery
  retryLimit: 1_000_000, // whether a job is given up is for `jobs/trials.ts` to say
  retryDelay: 0,
  expireInSeconds: daySeconds - 1, // the most there is
  retentionSeconds: 3650 * daySeconds, // of a job that waits
  deleteAfterSeconds: daySeconds,
} as const

/** Before the queue would end a claim by itself. */
export const claimMaxMs = (daySeconds - 3_600) * 1_000

export class JobQueues {
  readonly #boss: PgBoss

  private constructor(boss: PgBoss) {
    this.#boss = boss
  }

  static async open(postgres: Postgres, { leaseSeconds, onError }: JobQueuesOptions): Promise<JobQueues> {
    const boss = new PgBoss({
      db: sqlOf(postgres),
      schema: 'alike_queue',
      schedule: false,
      superviseIntervalSeconds: 2,
      monitorIntervalSeconds: 2,
      registerInstance: false,
      openTelemetry: { enabled: false },
    })
    boss.on('error', onError)
    await boss.start()
    for (const queue of new Set(Object.values(queues)))
      await boss.createQueue(queue, { ...policy, heartbeatSeconds: leaseSeconds })
    return new JobQueues(boss)
  }

  async send(
    sql: Sql,
    { kind, delivery }: Delivery,
    { galleryUid, priority }: { galleryUid: string; priority: number },
  ): Promise<void> {
    await this.#boss.send(queues[kind], null, { ...by(sql), id: delivery, singletonKey: galleryUid, priority })
  }

  /** The next one, handed out to this process. */
  async claim(sql: Sql, kinds: readonly JobKind[]): Promise<Claim | undefined> {
    const kind = kinds[0]!
    const [job] = await this.#boss.fetch(queues[kind], { ...by(sql), includeMetadata: true })
    return job && { kind, delivery: job.id, attempt: job.retryCount }
  }

  /** @returns false when the job is not in this hand any more */
  async renew(sql: Sql, claim: Claim): Promise<boolean> {
    const touched = await this.#boss.touch(queues[claim.kind], attemptIn(claim), by(sql))
    return (touched as { affected: number }).affected > 0 // its type says nothing of what it holds
  }

  /** From a hand back into the queue; or into none while it is paused. */
  async release(sql: Sql, claim: Delivery, { paused, priority }: { paused: boolean; priority: number }): Promise<void> {
    await this.pause(sql, claim)
    if (paused) return
    await this.unpause(sql, claim)
    await this.prefer(sql, claim, priority)
  }

  /** It is not handed out. */
  async pause(sql: Sql, { kind, delivery }: Delivery): Promise<void> {
    await this.#boss.cancel(queues[kind], delivery, by(sql))
  }

  async unpause(sql: Sql, { kind, delivery }: Delivery): Promise<void> {
    await this.#boss.resume(queues[kind], delivery, by(sql))
  }

  /** Of a job that waits. */
  async prefer(sql: Sql, { kind, delivery }: Delivery, priority: number): Promise<void> {
    await this.#boss.update(queues[kind], undefined, { ...by(sql), id: delivery, priority })
  }

  /** It has ended. */
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
