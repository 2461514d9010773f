/** What the main thread asks about near-copies, counted while it is unanswered. */
import type { CopiesCalls } from './copies-protocol.js'

type Ask = <Name extends keyof CopiesCalls>(
  name: Name,
  request: CopiesCalls[Name]['request'],
) => Promise<CopiesCalls[Name]['reply']>

export class CopyQuestions {
  readonly #send: Ask
  #unanswered = 0

  /** @param send to the copies thread, or its stand-in */
  constructor(send: Ask) {
    this.#send = send
  }

  /** Unanswered questions. */
  get depth(): number {
    return this.#unanswered
  }

  /** See `CopiesCalls`. */
  readonly ask: Ask = async (name, request) => {
    this.#unanswered += 1
    try {
      return await this.#send(name, request)
    } finally {
      this.#unanswered -= 1
    }
  }
}
