/** A connection that holds locks for many callers: runs statements one after the other, in the order of the calls. */
import { type Connection, type Sql, statementsOf } from './postgres.js'

export class LockSession implements Sql {
  readonly #connection: Connection
  readonly #sql: Sql
  readonly #onLoss: () => void
  #turn: Promise<unknown> = Promise.resolve()

  /** @param onLoss called when its locks are gone */
  constructor(connection: Connection, onLoss: () => void) {
    this.#connection = connection
    this.#sql = statementsOf(connection)
    this.#onLoss = onLoss
    connection.on('error', onLoss)
    connection.on('end', onLoss)
  }

  query<Row = Record<string, unknown>>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    const answer = this.#turn.then(() => this.#sql.query<Row>(text, values))
    this.#turn = answer.catch(() => {})
    return answer
  }

  /** Drops a connection that may hold locks nobody knows of; other holders then find theirs lost. */
  giveUp(): void {
    this.#onLoss()
    void this.end().catch(() => {})
  }

  end(): Promise<void> {
    return this.#connection.end()
  }
}
