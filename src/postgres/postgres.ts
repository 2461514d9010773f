/** Connections to PostgreSQL. The only importer of pg. */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { AlikeError, hasCode } from '../errors.js'

export type Connection = pg.Client

/** Statements of one transaction, or each in its own. */
export interface Sql {
  query<Row = Record<string, unknown>>(text: string, values?: readonly unknown[]): Promise<Row[]>
}

export interface PostgresOptions {
  /** `postgres://user:password@host:port/database`. */
  url: string
  /** Maximum connections; further statements wait for one. */
  connectionsMax: number
  /** Called when an idle connection is lost: the next statement that needs one opens another. */
  onLoss(error: Error): void
  /** Timeout of a statement. Default 30 s. */
  statementMs?: number | undefined
}

/** Timeout for obtaining a connection. */
const connectMs = 5_000
/** Time for another connection to find out the outcome of an unanswered commit. */
const outcomeMs = 10_000
const outcomePauseMs = 100

/**
 * How soon the server frees what a connection holds after its process has vanished with its machine; by default it
 * waits for hours.
 */
const foundDead = 'SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3'

const numbers: pg.CustomTypesConfig = {
  // counts and row numbers fit into a double; no other column is that large
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

  /** Statements waiting for a connection. */
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
   * All or nothing; retried after a deadlock. If the connection is lost before a commit is answered, another one asks
   * for the outcome.
   * @throws AlikeError `store_unreachable`, if nothing was changed; `store_outcome_unknown`, `storage_full`; what
   * `work` throws
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
    // lost between two statements: the next one fails, but an unhandled event would end the process
    const lost = () => void (broken = true)
    client.on('error', lost)
    try {
      await client.query('BEGIN')
      const result = await work(statementsOf(client))
      await this.commit(client, lost)
      return result
    } catch (error) {
      await client.query('ROLLBACK').catch(lost)
      if ((error as { code?: unknown } | undefined)?.code === readOnly) lost() // another connection may find the primary
      throw asStoreError(error)
    } finally {
      client.off('error', lost)
      client.release(broken)
    }
  }

  /**
   * Commits the transaction begun on this connection.
   * @param lost called if the connection is no longer usable
   * @throws AlikeError `store_unreachable`, if nothing was changed; `store_outcome_unknown`
   */
  async commit(client: pg.ClientBase, lost: () => void): Promise<void> {
    const transaction = await client
      .query<{ id: string | null }>('SELECT pg_current_xact_id_if_assigned()::text AS id')
      .then(({ rows: [row] }) => row?.id ?? undefined)
      .catch((error: { code?: unknown }) => {
        if (error.code !== failed) throw error // COMMIT acted as ROLLBACK: the caller whose statement failed has received its error
      })
    try {
      await client.query('COMMIT')
    } catch (error) {
      const told = asStoreError(error)
      if (!hasCode(told, 'store_unreachable')) throw error
      lost()
      if (transaction === undefined || !(await this.#isCommitted(transaction))) throw told
    }
  }

  /** Waits until the server knows. @throws AlikeError `store_outcome_unknown` */
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
        cause = error // also that of a standby which has not heard of the transaction
      }
    }
    throw new AlikeError('store_outcome_unknown', { cause, retryAfterSeconds: 5 })
  }

  /**
   * A dedicated connection outside the pool.
   * @param name as shown by the server
   * @throws AlikeError `store_unreachable` for a standby: locks held there exclude nobody, and its rows may be old
   */
  async connect(name = 'alike-listener'): Promise<Connection> {
    const client = new pg.Client({
      connectionString: this.#url,
      connectionTimeoutMillis: connectMs,
      query_timeout: this.#statementMs,
      keepAlive: true,
      application_name: name,
      types: numbers,
    })
    client.on('error', () => {}) // the current statement reports it; an unhandled event would end the process
    await client.connect()
    try {
      const [found] = rowsOf(await client.query(`${foundDead}; SELECT pg_is_in_recovery() AS is_standby`))
      if (found?.is_standby === true)
        throw new AlikeError('store_unreachable', { detail: 'The server is a standby.', retryAfterSeconds: 5 })
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

/** Statements on one connection. */
export function statementsOf(client: pg.ClientBase): Sql {
  return {
    async query<Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
      return rowsOf(await client.query(text, [...values]))
    },
  }
}

/** Several statements in one text return several results. */
function rowsOf<Row = Record<string, unknown>>(result: pg.QueryResult | pg.QueryResult[]): Row[] {
  return [result].flat().flatMap(({ rows }) => (rows as Row[] | undefined) ?? [])
}

/** SQLSTATE of a transaction aborted to resolve a deadlock. */
const deadlock = '40P01'
const deadlockTries = 5
/** SQLSTATE of a statement in a transaction in which an earlier one has failed. */
const failed = '25P02'

/** SQLSTATE of a write on a server that only reads: a standby during a failover, or one whose disk is nearly full. */
const readOnly = '25006'

/** SQLSTATE classes of a server that is absent, starting, stopping or out of connections; and of one out of space. */
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
/** Errors that pg reports only as text. */
const awayTexts = /Connection terminated|timeout exceeded|Query read timeout|not queryable/

/** Any other error is a bug and thrown unchanged. */
export function asStoreError(error: unknown): unknown {
  if (error instanceof AlikeError || !(error instanceof Error)) return error
  const { code = '' } = error as { code?: string }
  if (fullStates.test(code)) return new AlikeError('storage_full', { cause: error })
  if (awayStates.test(code) || code === readOnly || awayCodes.includes(code) || awayTexts.test(error.message))
    return new AlikeError('store_unreachable', { cause: error, retryAfterSeconds: 5 })
  return error
}
