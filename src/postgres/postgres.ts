/** Connections to PostgreSQL. The only importer of pg. */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { AlikeError, hasCode } from '../errors.js'
import { asStoreError, failed, isConflict, unreachable } from './store-errors.js'

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
const conflictTries = 5
/** Longest pause after the first of them; in proportion after the others, so that the same ones do not meet again. */
const conflictPauseMs = 20
/** Time for another connection to find out the outcome of an unanswered commit. */
const outcomeMs = 10_000
const outcomePauseMs = 100

/** After so long without traffic the system asks whether the server is still there; its own default is hours. */
const keepAlive = { keepAlive: true, keepAliveInitialDelayMillis: 10_000 } as const

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

/** Without a connection the store is away, whatever the reason: a changed password, a certificate, no such database. */
class Client extends pg.Client {
  constructor(config?: pg.ClientConfig) {
    try {
      super(config)
    } catch (cause) {
      if (isOfUrl(cause)) throw malformedUrl()
      throw unreachable(cause) // the file of a certificate
    }
    // the current or next statement reports it; an unhandled event would end the process
    this.on('error', () => {})
  }

  override connect(): Promise<pg.Client>
  override connect(callback: Connected): void
  override connect(callback?: Connected): Promise<pg.Client> | undefined {
    if (callback !== undefined)
      return void super.connect((error: Error | null) => callback(error && unreachable(error)))
    return super.connect().catch((cause: unknown) => {
      throw unreachable(cause)
    })
  }
}

type Connected = (error: Error | null) => void

const isOfUrl = (error: unknown) =>
  error instanceof URIError || (error as { code?: unknown }).code === 'ERR_INVALID_URL'

/** Generated passwords are what makes most of these unreadable. The URL is not shown, because logs keep what is said. */
const malformedUrl = () =>
  new AlikeError('config_invalid', {
    detail:
      'POSTGRES_URL is not readable as postgres://user:password@host:port/database: check the port, and write characters of the password other than letters, digits and - . _ ~ percent-encoded, as in %23 for #.',
  })

export class Postgres implements Sql {
  readonly #pool: pg.Pool
  readonly #url: string
  readonly #statementMs: number

  constructor({ url, connectionsMax, onLoss, statementMs = 30_000 }: PostgresOptions) {
    this.#url = url
    this.#statementMs = statementMs
    this.#pool = new pg.Pool({
      connectionString: url,
      Client,
      max: connectionsMax,
      connectionTimeoutMillis: connectMs,
      query_timeout: statementMs,
      ...keepAlive,
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
      return rowsOf(await despiteConflicts(() => this.#pool.query(text, [...values])))
    } catch (error) {
      throw asStoreError(error)
    }
  }

  /**
   * All or nothing; retried after a conflict with others. If the connection is lost before a commit is answered, another
   * one asks for the outcome.
   * @throws AlikeError `store_unreachable`, if nothing was changed; `store_outcome_unknown`, `storage_full`; what
   * `work` throws
   */
  transaction<Result>(work: (sql: Sql) => Promise<Result>): Promise<Result> {
    return despiteConflicts(() => this.#attempt(work))
  }

  async #attempt<Result>(work: (sql: Sql) => Promise<Result>): Promise<Result> {
    const client = await this.#pool.connect().catch((error: unknown) => {
      throw asStoreError(error)
    })
    let broken = false
    // lost between two statements: the next one fails, but an unhandled event would end the process
    const lost = () => void (broken = true)
    client.on('error', lost)
    let done: { result: Result; unanswered: Unanswered | undefined }
    try {
      await client.query(begin)
      done = { result: await work(statementsOf(client)), unanswered: await commitOn(client) }
      if (done.unanswered !== undefined) lost()
    } catch (error) {
      const failure = asStoreError(error)
      // its end rolls back too; where the server only read, another connection may find the primary
      if (hasCode(failure, 'store_unreachable')) lost()
      else await client.query('ROLLBACK').catch(lost)
      throw failure
    } finally {
      client.off('error', lost)
      client.release(broken)
    }
    // only now that the connection has made room for another
    await this.#expectCommitted(done.unanswered)
    return done.result
  }

  /**
   * Commits the transaction begun on this connection, which is outside the pool.
   * @throws AlikeError `store_unreachable`, if nothing was changed; `store_outcome_unknown`
   */
  async commit(connection: Connection): Promise<void> {
    await this.#expectCommitted(await commitOn(connection))
  }

  async #expectCommitted(unanswered: Unanswered | undefined): Promise<void> {
    if (unanswered === undefined) return
    const { transaction, failure } = unanswered
    if (transaction === undefined || !(await this.#isCommitted(transaction))) throw failure
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
   * @throws AlikeError `store_unreachable`, also for a standby: locks held there exclude nobody, and its rows may be old
   */
  async connect(name = 'alike-listener'): Promise<Connection> {
    const client = new Client({
      connectionString: this.#url,
      connectionTimeoutMillis: connectMs,
      query_timeout: this.#statementMs,
      ...keepAlive,
      application_name: name,
      types: numbers,
    })
    await client.connect()
    try {
      const [found] = rowsOf(await client.query(`${foundDead}; SELECT pg_is_in_recovery() AS is_standby`))
      if (found?.is_standby === true)
        throw new AlikeError('store_unreachable', { detail: 'The server is a standby.', retryAfterSeconds: 5 })
    } catch (error) {
      void client.end().catch(() => {})
      throw asStoreError(error)
    }
    return client
  }

  close(): Promise<void> {
    return this.#pool.end()
  }
}

/** What one waits for is seen once it is committed, whatever the default of the database is. */
export const begin = 'BEGIN ISOLATION LEVEL READ COMMITTED'

/**
 * Repeats a statement or transaction that was aborted because of others.
 * @param undo ends it, if `attempt` has not done so
 * @throws AlikeError `store_unreachable` if it is aborted each time; what `attempt` throws
 */
export async function despiteConflicts<Result>(
  attempt: () => Promise<Result>,
  undo: () => Promise<unknown> = async () => {},
): Promise<Result> {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt()
    } catch (error) {
      if (!isConflict(error)) throw error
      if (tries === conflictTries)
        throw new AlikeError('store_unreachable', {
          detail: 'Other transactions were in the way each time.',
          cause: error,
          retryAfterSeconds: 5,
        })
      await undo()
      await sleep(Math.random() * tries * conflictPauseMs)
    }
  }
}

/** A COMMIT that may have reached the server. */
interface Unanswered {
  /** Undefined if it has written nothing. */
  transaction: string | undefined
  failure: unknown
}

/** @returns undefined once it is committed */
async function commitOn(client: pg.ClientBase): Promise<Unanswered | undefined> {
  const transaction = await client
    .query<{ id: string | null }>('SELECT pg_current_xact_id_if_assigned()::text AS id')
    .then(({ rows: [row] }) => row?.id ?? undefined)
    .catch((error: { code?: unknown }) => {
      // COMMIT acts as ROLLBACK: the caller whose statement failed has received its error
      if (error.code === failed) return undefined
      throw error
    })
  try {
    await client.query('COMMIT')
  } catch (error) {
    const failure = asStoreError(error)
    if (!hasCode(failure, 'store_unreachable')) throw error
    return { transaction, failure }
  }
  return undefined
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
