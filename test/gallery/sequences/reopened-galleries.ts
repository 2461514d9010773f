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

  constructor(t: TestContext, engine: TestedEngine, place: string) {
    this.#t = t
    this.#engine = engine
    this.#place = place
  }

  async reopen(galleries: Galleries): Promise<Galleries> {
    await galleries.close()
    return this.#engine.open(this.#t, this.#place)
  }

  /**
   * Killed while `work` goes on.
   * @param turns of the event loop before that
   * @returns `isAcknowledged`: the work was done before the kill
   */
  async reopenKilled(
    galleries: Galleries,
    work: () => Promise<unknown>,
    turns: number,
  ): Promise<{ galleries: Galleries; isAcknowledged: boolean }> {
    let isDone = false
    const working = work().then(() => (isDone = true))
    for (let turn = 0; turn < turns; turn++) await nextTurn()
    const isAcknowledged = isDone
    const former = this.#place
    const [place] = await Promise.all([this.#engine.placeAfterKill!(this.#t, former), working])
    await galleries.close()
    await rm(former, { recursive: true })
    this.#place = place
    return { galleries: await this.#engine.open(this.#t, place), isAcknowledged }
  }
}
