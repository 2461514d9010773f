/** How galleries are opened again: after they were closed, or as the next process finds them after a kill. */
import { rm } from 'node:fs/promises'
import type { TestContext } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Galleries } from '../../../src/gallery/galleries.js'
import type { TestedEngine } from '../tested-engine.js'

export class ReopenedGalleries {
  readonly #t: TestContext
  readonly #engine: TestedEngine
  #place: string
  /** Where a kill has left them. */
  #killedAt: string | undefined

  constructor(t: TestContext, engine: TestedEngine, place: string) {
    this.#t = t
    this.#engine = engine
    this.#place = place
  }

  /**
   * They are reopened as a kill would leave them by then. What goes on in this process is not in what is reopened.
   * @param turns of the event loop before the kill
   */
  async kill(turns: number, onKill: () => void): Promise<void> {
    for (let turn = 0; turn < turns; turn++) await nextTurn()
    onKill()
    this.#killedAt = await this.#engine.placeAfterKill!(this.#t, this.#place)
  }

  async reopen(galleries: Galleries): Promise<Galleries> {
    await galleries.close()
    if (this.#killedAt !== undefined) {
      await rm(this.#place, { recursive: true })
      this.#place = this.#killedAt
      this.#killedAt = undefined
    }
    return this.#engine.open(this.#t, this.#place)
  }
}
