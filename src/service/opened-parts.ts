/** The parts that are open, closed in reverse. */

import type { Logger } from 'pino'
import type { Config } from '../config/config.js'
import type { Metrics } from '../metrics/metrics.js'

/** What every part is opened with. */
export interface Opening {
  config: Config
  logger: Logger
  metrics: Metrics
  opened: OpenedParts
}

export class OpenedParts {
  readonly #ends: ((crashed: boolean) => void | Promise<void>)[] = []

  /** The same part: closed before those that were opened earlier. */
  add<Part extends { close(): void | Promise<void> }>(part: Part): Part {
    this.#ends.push(() => part.close())
    return part
  }

  /** @param end told whether the process ends for an error */
  atEnd(end: (crashed: boolean) => void | Promise<void>): void {
    this.#ends.push(end)
  }

  async close(crashed = false): Promise<void> {
    for (const end of this.#ends.splice(0).reverse()) await end(crashed)
  }
}
