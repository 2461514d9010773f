/** A connection that holds locks, asked by many at once: one statement after the other, in the order of their asking. */
import { type Connection, type Sql, statementsOf } from './postgres.js'

export class LockSession implements Sql {
  readonly #connection: Connection
  readonly #sql: Sql
  readonly #onLoss: () => void
  #turn: Promise<unknown> = Promise.resolve()

  /** @param onLoss its locks are gone */
  constructor(connection: Connection, onLoss: () => void) {
    this.#connection = connection
    this.#sql = statementsOf(connection)
    this.#onLoss = onLoss
    connection.on('error', onLoss)
    connection.on('end', onLoss)
  }

  query<Row = Record<string, unknown>>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    const asked = this.#turn.then(() => this.#sql.query<Row>(text, values))
    this.#turn = asked.catch(() => {})
    return asked
  }

  /** Of one that may hold what nobody knows of, and would for as long as it lives: who holds something else finds that it is lost. */
  giveUp(): void {
    this.#onLoss()
    void this.end().catch(() => {})
  }

  end(): Promise<void> {
    return this.#connection.end()
  }
}
