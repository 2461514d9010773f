/** The opened parts, closed in reverse order. */

import type { Logger } from 'pino'
import type { Config } from '../config/config.js'
import type { Metrics } from '../metrics/metrics.js'

/** Passed to the opening of every part. */
export interface Opening {
  config: Config
  logger: Logger
  metrics: Metrics
  opened: OpenedParts
}

export class OpenedParts {
  readonly #ends: ((crashed: boolean) => void | Promise<void>)[] = []

  /** Returns the part; it is closed before those opened earlier. */
  add<Part extends { close(): void | Promise<void> }>(part: Part): Part {
    this.#ends.push(() => part.close())
    return part
  }

  /** @param end receives whether the process ends because of an error */
  atEnd(end: (crashed: boolean) => void | Promise<void>): void {
    this.#ends.push(end)
  }

  /** One that cannot be closed does not keep the others open. @throws what the first of those threw */
  async close(crashed = false): Promise<void> {
    const failures: unknown[] = []
    for (const end of this.#ends.splice(0).reverse())
      try {
        await end(crashed)
      } catch (error) {
        failures.push(error)
      }
    if (failures.length > 0) throw failures[0]
  }
}
