/**
 * Changes to a set. The server has no transactions: changes of one process wait for each other, waiting ones are
 * written together, and invalid ones are refused before anything is written. An interrupted change is repaired by
 * repeating it (ADR 0020).
 */

import { AlikeError } from '../../errors.js'
import type { ChangeOptions } from '../../gallery/engine.js'
import type { Filter } from '../../gallery/filter.js'
import { fits } from '../../gallery/fits.js'
import type { Precondition } from '../../gallery/precondition.js'
import {
  expectAccepted,
  type ImageChange,
  type ImageRecord,
  type ImageStep,
  idOfStep,
  type StepResult,
} from '../../gallery/records.js'
import { OneAfterAnother } from '../../one-after-another.js'
import type { ChangeClock } from './change-clock.js'
import { type Applied, ChangedImages } from './changed-images.js'
import type { ImageCollection } from './image-collection.js'
import { filteredOf, filteredProperties, uuidOf } from './image-object.js'
import { pushed } from './pushed-filter.js'
import { UnacknowledgedWrites } from './unacknowledged-writes.js'
import { slicesByStamp } from './whole-slices.js'

export interface SetChangesOptions {
  collection: ImageCollection
  clock: ChangeClock
  /** Maximum pictures in the set: nothing of a change that exceeds it is written. */
  setImagesMax: number
  /** Maximum waiting changes; one more is refused. */
  waitingMax: number
}

interface Done {
  results: StepResult[]
  /** The picture of the last step. */
  record: ImageRecord | undefined
}

interface Waiting extends Pick<ChangeOptions, 'maxImages'> {
  steps: readonly ImageStep[]
  resolve(done: Done): void
  reject(error: unknown): void
}

/** Maximum steps written together. */
const stepsAtOnce = 512
/** Pictures examined at a time by a removal. */
const removalBatch = 256

export class SetChanges {
  readonly #options: SetChangesOptions
  #waiting: Waiting[] = []
  readonly #turns = new OneAfterAnother()
  #turnsWaiting = 0
  #isGathering = false
  readonly #unacknowledged = new UnacknowledgedWrites()

  constructor(options: SetChangesOptions) {
    this.#options = options
  }

  /** Unacknowledged changes. */
  get depth(): number {
    return this.#waiting.length + this.#turnsWaiting
  }

  /** Resolves when the accepted changes have finished. */
  async settled(): Promise<void> {
    while (this.depth > 0) await this.#turns.ended()
  }

  change(steps: readonly ImageStep[], { maxImages }: Pick<ChangeOptions, 'maxImages'> = {}): Promise<Done> {
    this.#expectRoom()
    return new Promise((resolve, reject) => {
      this.#waiting.push({ steps, maxImages, resolve, reject })
      if (this.#isGathering) return
      this.#isGathering = true
      void this.#inTurn(() => this.#writeWaiting())
    })
  }

  async patch(id: string, change: ImageChange, onlyIf?: Precondition): Promise<ImageRecord> {
    const { results, record } = await this.change([{ patch: id, change, onlyIf }])
    expectAccepted(results)
    return record!
  }

  /** A picture that no longer matches when its turn comes stays. */
  async removeFitting(filter: Filter, signal?: AbortSignal): Promise<number> {
    const { collection, clock } = this.#options
    const { where } = pushed(filter)
    signal?.throwIfAborted()
    // another process may have stored pictures with a clock that is ahead of this one's
    const newest = await collection.newestStamp()
    const upTo = Math.max(clock.stamp(), newest)
    const query = { where, upTo, limit: removalBatch, properties: ['stamp'] as const }
    let removed = 0
    for await (const page of slicesByStamp(collection, query)) {
      signal?.throwIfAborted()
      removed += await this.#inTurn(async () => {
        const now = await collection.ofIds(
          page.map(({ uuid }) => uuid),
          { properties: [...filteredProperties(filter), 'stamp'] },
        )
        const doomed = page.flatMap(({ uuid, properties: { stamp } }) => {
          const found = now.get(uuid)
          return found !== undefined && found.properties.stamp === stamp && fits(filteredOf(found), filter)
            ? [uuid]
            : []
        })
        if (doomed.length > 0) await collection.writes.remove(doomed)
        return doomed.length
      })
    }
    return removed
  }

  /** Exclusive access to the set: no change runs at the same time. @throws AlikeError `overloaded` */
  alone<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#expectRoom()
    return this.#inTurn(work)
  }

  async #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#turnsWaiting += 1
    try {
      return await this.#turns.run(work)
    } finally {
      this.#turnsWaiting -= 1
    }
  }

  #expectRoom(): void {
    if (this.depth >= this.#options.waitingMax) throw new AlikeError('overloaded', { retryAfterSeconds: 1 })
  }

  async #writeWaiting(): Promise<void> {
    this.#isGathering = false
    let steps = 0
    const end = this.#waiting.findIndex((change) => (steps += change.steps.length) > stepsAtOnce)
    const group = this.#waiting.splice(0, end === -1 ? this.#waiting.length : Math.max(end, 1))
    if (this.#waiting.length > 0) {
      this.#isGathering = true
      void this.#inTurn(() => this.#writeWaiting())
    }
    try {
      await this.#write(group)
    } catch (error) {
      for (const change of group) change.reject(error)
    }
  }

  async #write(group: readonly Waiting[]): Promise<void> {
    const { collection, clock, setImagesMax } = this.#options
    const steps = group.flatMap((change) => change.steps)
    const images = await ChangedImages.read({ collection, unacknowledged: this.#unacknowledged }, steps)
    const isGrowing = steps.some((step) => 'put' in step)
    const count = isGrowing ? await collection.count() : 0
    const accepted: (Applied & { change: Waiting })[] = []
    for (const change of group) {
      try {
        const { maxImages = Infinity } = change
        accepted.push({ change, ...images.apply(change.steps, { clock, count, setImagesMax, maxImages }) })
      } catch (error) {
        change.reject(error)
      }
    }
    const failures = await images.write()
    for (const { change, uuids, ...done } of accepted) {
      const failed = uuids.map((uuid) => failures.get(uuid)).find((failure) => failure && !isGone(failure))
      if (failed !== undefined) {
        change.reject(failed)
        continue
      }
      images.acknowledge(uuids)
      const results = done.results.map((result, i): StepResult => {
        const failure = 'patched' in result && failures.get(uuidOf(idOfStep(change.steps[i]!)))
        return failure ? { refused: 'image_not_found' } : result
      })
      change.resolve({ ...done, results })
    }
  }
}

/** Another process has removed it: only its patches are affected. */
function isGone(failure: AlikeError): boolean {
  return failure.code === 'image_not_found'
}
