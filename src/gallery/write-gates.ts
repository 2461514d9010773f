/** Gates that all writes to galleries pass; they are closed for the moment at which another set begins to serve. */

interface Gate {
  underWay: number
  /** Resolves when writes may pass again. */
  closed?: Promise<void>
  /** Called when nothing is in progress. */
  onIdle?: () => void
}

export class WriteGates {
  readonly #gates = new Map<string, Gate>()

  /** @throws what `write` throws */
  async pass<Result>(gallery: string, write: () => Promise<Result>): Promise<Result> {
    for (let gate = this.#gates.get(gallery); gate?.closed !== undefined; gate = this.#gates.get(gallery))
      await gate.closed
    const gate = this.#gateOf(gallery)
    gate.underWay++
    try {
      return await write()
    } finally {
      gate.underWay--
      if (gate.underWay === 0) gate.onIdle?.()
      this.#forgetIdle(gallery, gate)
    }
  }

  /**
   * Does the work while no write is in progress and none begins. One at a time for each gallery.
   * @param signal ends the wait for writes in progress
   * @throws what `work` throws; the signal's reason
   */
  async whileClosed<Result>(gallery: string, work: () => Promise<Result>, signal?: AbortSignal): Promise<Result> {
    for (let gate = this.#gates.get(gallery); gate?.closed !== undefined; gate = this.#gates.get(gallery))
      await gate.closed
    const gate = this.#gateOf(gallery)
    let open = (): void => {}
    gate.closed = new Promise((resolve) => {
      open = resolve
    })
    try {
      if (gate.underWay > 0) await idle(gate, signal)
      return await work()
    } finally {
      delete gate.closed
      delete gate.onIdle
      this.#forgetIdle(gallery, gate)
      open()
    }
  }

  #gateOf(gallery: string): Gate {
    let gate = this.#gates.get(gallery)
    if (gate === undefined) this.#gates.set(gallery, (gate = { underWay: 0 }))
    return gate
  }

  #forgetIdle(gallery: string, gate: Gate): void {
    if (gate.underWay === 0 && gate.closed === undefined) this.#gates.delete(gallery)
  }
}

function idle(gate: Gate, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal?.reason)
    if (signal?.aborted === true) return stop()
    signal?.addEventListener('abort', stop, { once: true })
    gate.onIdle = () => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }
  })
}
