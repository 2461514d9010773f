/** What the main thread asks about near-copies, counted while it is unanswered. */
import type { CopiesWanted } from '../../../../gallery/engine.js'
import { RunControl } from '../../../../worker-calls/run-control.js'
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

  /** @param signal aborted when nobody is waiting for the result any more */
  async find(
    gallery: number,
    { descriptors: query, ...wanted }: CopiesWanted,
    signal?: AbortSignal,
  ): Promise<Uint32Array> {
    signal?.throwIfAborted()
    const control = new RunControl()
    const onAbort = () => control.stop()
    signal?.addEventListener('abort', onAbort)
    try {
      const found = await this.ask('find', { gallery, query, control: control.shared, ...wanted })
      signal?.throwIfAborted()
      return found
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }
}
