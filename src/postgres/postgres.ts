/** The connections to PostgreSQL. Only importer of pg. */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { AlikeError } from '../errors.js'

export type Connection = pg.Client

/** Statements of one transaction, or each of its own. */
export interface Sql {
  query<Row = Record<string, unknown>>(text: string, values?: readonly unknown[]): Promise<Row[]>
}

export interface PostgresOptions {
  /** `postgres://user:password@host:port/database`. */
  url: string
  /** Connections at once; further statements wait for one. */
  connectionsMax: number
  /** A connection that was idle was lost: it is replaced by the next statement that needs one. */
  onLoss(error: Error): void
  /** Time for a statement to be answered. Default 30 s. */
  statementMs?: number | undefined
}

/** Time for a connection to be had. */
const connectMs = 5_000
/** For another connection to tell what became of a commit that was not answered. */
const outcomeMs = 10_000
const outcomePauseMs = 100

/** What a connection holds is free this soon after its process has vanished with its machine; by itself the server waits for hours. */
const foundDead = 'SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3'

const numbers: pg.CustomTypesConfig = {
  // counts and numbers of rows fit into a double; no other column is that large
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format as 'text'),
}

export class Postgres implements Sql {
  readonly #pool: pg.Pool
  readonly #url: string
  readonly #statementMs: number

  constructor({ url, connectionsMax, onLoss, statementMs = 30_000 }: PostgresOptions) {
    this.#url = url
    this.#statementMs = statementMs
    this.#pool = new pg.Pool({
      connectionString: url,
      max: connectionsMax,
      connectionTimeoutMillis: connectMs,
      query_timeout: statementMs,
      keepAlive: true,
      application_name: 'alike',
      types: numbers,
    })
    this.#pool.on('error', onLoss)
  }

  /** Statements that wait for a connection. */
  get waiting(): number {
    return this.#pool.waitingCount
  }

  /** @throws AlikeError `store_unreachable`, `storage_full` */
  async query<Row = Record<string, unknown>>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    try {
      return rowsOf(await this.#pool.query(text, [...values]))
    } catch (error) {
      throw asStoreError(error)
    }
  }

  /**
   * All of it or nothing; begun anew where it and another one have waited for each other. A connection that is lost before a commit
   * is answered says nothing of it: what became of it is asked by another one.
   * @throws AlikeError `store_unreachable`, and nothing was changed; `store_outcome_unknown`, `storage_full`; what `work` throws
   */
  async transaction<Result>(work: (sql: Sql) => Promise<Result>): Promise<Result> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#attempt(work)
      } catch (error) {
        if (tries === deadlockTries || (error as { code?: unknown } | undefined)?.code !== deadlock) throw error
      }
    }
  }

  async #attempt<Result>(work: (sql: Sql) => Promise<Result>): Promise<Result> {
    const client = await this.#pool.connect().catch((error: unknown) => {
      throw asStoreError(error)
    })
    let broken = false
    // lost between two statements: the next one fails of it, and an event that nobody hears would end the process
    const lost = () => void (broken = true)
    client.on('error', lost)
    try {
      await client.query('BEGIN')
      const result = await work(statementsOf(client))
      await this.commit(client, lost)
      return result
    } catch (error) {
      await client.query('ROLLBACK').catch(lost)
      throw asStoreError(error)
    } finally {
      client.off('error', lost)
      client.release(broken)
    }
  }

  /**
   * Of a transaction that was begun on this connection.
   * @param lost told of a connection that is of no more use
   * @throws AlikeError `store_unreachable`, and nothing was changed; `store_outcome_unknown`
   */
  async commit(client: pg.ClientBase, lost: () => void): Promise<void> {
    const transaction = await client
      .query<{ id: string | null }>('SELECT pg_current_xact_id_if_assigned()::text AS id')
      .then(({ rows: [row] }) => row?.id ?? undefined)
      .catch((error: { code?: unknown }) => {
        if (error.code !== failed) throw error // its COMMIT is a ROLLBACK: who made a statement fail has been told
      })
    try {
      await client.query('COMMIT')
    } catch (error) {
      const told = asStoreError(error)
      if (!isAway(told)) throw error
      lost()
      if (transaction === undefined || !(await this.#isCommitted(transaction))) throw told
    }
  }

  /** Once the server knows. @throws AlikeError `store_outcome_unknown` */
  async #isCommitted(transaction: string): Promise<boolean> {
    let cause: unknown
    for (const deadline = performance.now() + outcomeMs; performance.now() < deadline; await sleep(outcomePauseMs)) {
      try {
        const [found] = await this.query<{ status: string | null }>('SELECT pg_xact_status($1::xid8) AS status', [
          transaction,
        ])
        if (found?.status === 'committed') return true
        if (found?.status === 'aborted') return false
      } catch (error) {
        if (!isAway(error)) throw error
        cause = error
      }
    }
    throw new AlikeError('store_outcome_unknown', { cause, retryAfterSeconds: 5 })
  }

  /** A connection of its own, which the pool knows nothing of. @param name as the server shows it */
  async connect(name = 'alike-listener'): Promise<Connection> {
    const client = new pg.Client({
      connectionString: this.#url,
      connectionTimeoutMillis: connectMs,
      query_timeout: this.#statementMs,
      keepAlive: true,
      application_name: name,
      types: numbers,
    })
    client.on('error', () => {}) // the statement under way hears of it; an event that nobody hears would end the process
    await client.connect()
    try {
      await client.query(foundDead)
    } catch (error) {
      void client.end().catch(() => {})
      throw error
    }
    return client
  }

  close(): Promise<void> {
    return this.#pool.end()
  }
}

/** On one connection. */
export function statementsOf(client: pg.ClientBase): Sql {
  return {
    async query<Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
      return rowsOf(await client.query(text, [...values]))
    },
  }
}

/** Several statements in one text have several results. */
function rowsOf<Row>(result: pg.QueryResult | pg.QueryResult[]): Row[] {
  return [result].flat().flatMap(({ rows }) => (rows as Row[] | undefined) ?? [])
}

/** SQLSTATE of a transaction that was given up so that another one can go on. */
const deadlock = '40P01'
const deadlockTries = 5
/** SQLSTATE of a statement in a transaction that another statement has failed in. */
const failed = '25P02'

/** SQLSTATE classes of a server that is not there, is starting, stopping or out of connections; and of one out of room. */
const awayStates = /^(08|57P0[1-5]|53300|53400)/
const fullStates = /^(53100|53200)/
const awayCodes = [
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EPIPE',
  'EHOSTUNREACH',
  'ENOENT',
]
/** What pg says in words alone. */
const awayTexts = /Connection terminated|timeout exceeded|Query read timeout|not queryable/

function isAway(error: unknown): boolean {
  return error instanceof AlikeError && error.code === 'store_unreachable'
}

/** Whatever else went wrong is a mistake of ours, and thrown as it is. */
export function asStoreError(error: unknown): unknown {
  if (error instanceof AlikeError || !(error instanceof Error)) return error
  const { code = '' } = error as { code?: string }
  if (fullStates.test(code)) return new AlikeError('storage_full', { cause: error })
  if (awayStates.test(code) || awayCodes.includes(code) || awayTexts.test(error.message))
    return new AlikeError('store_unreachable', { cause: error, retryAfterSeconds: 5 })
  return error
}
