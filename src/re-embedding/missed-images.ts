/**
 * Pictures that could not be embedded by a job that must not omit any: unreachable ones are retried for a minute, then
 * all are listed.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { AlikeError } from '../errors.js'
import type { JobError } from '../gallery/job-progress.js'
import type { ImageRecord } from '../gallery/records.js'
import { broughtAtOnce } from './catching-up.js'
import type { LostImage } from './set-mirror.js'

export interface MissedImagesOptions {
  signal: AbortSignal
  /** Tries them again. @returns those that still fail */
  bring(ids: readonly string[]): Promise<readonly LostImage[]>
  /** Those of these pictures that are in the gallery, and not yet in its other set. */
  differing(ids: readonly string[]): Promise<readonly Pick<ImageRecord, 'id' | 'contentHash'>[]>
  /** Commits report lines of a job that is about to fail. */
  list(lines: readonly JobError[]): Promise<void>
  /** Pauses before the retries. Default: a minute in total. */
  pausesMs?: readonly number[] | undefined
}

const pausesDefaultMs = [1_000, 2_000, 4_000, 8_000, 15_000, 30_000]
/** The job ends after this many: a host that is down should not be asked for every picture. */
const missedMax = 1_000

export class MissedImages {
  readonly #options: MissedImagesOptions
  /** Keyed by id. */
  readonly #missed = new Map<string, LostImage & { place: number }>()

  constructor(options: MissedImagesOptions) {
    this.#options = options
  }

  /** @param place position in the gallery */
  add(image: LostImage, place: number): void {
    this.#missed.set(image.id, { ...image, place })
  }

  get areTooMany(): boolean {
    return this.#missed.size >= missedMax
  }

  /** @throws AlikeError `originals_missing`; the signal's reason */
  async expectNone(): Promise<void> {
    const { signal, list, pausesMs = pausesDefaultMs } = this.#options
    const isBrokenOff = this.areTooMany
    for (const pauseMs of pausesMs) {
      const ids = this.#outOfReach()
      if (ids.length === 0) break
      await sleep(pauseMs, undefined, { signal })
      for (let begin = 0; begin < ids.length; begin += broughtAtOnce)
        await this.#tryAgain(ids.slice(begin, begin + broughtAtOnce))
    }
    await this.#dropChanged()
    const { size } = this.#missed
    if (size === 0) return
    await list([...this.#missed.values()].map((image) => missedLine(image, image.place)))
    throw originalsMissing(isBrokenOff ? `at least ${size}` : `${size}`)
  }

  async #tryAgain(ids: readonly string[]): Promise<void> {
    const stillMissed = new Map((await this.#options.bring(ids)).map((image) => [image.id, image]))
    for (const id of ids) {
      const image = stillMissed.get(id)
      if (image === undefined) this.#missed.delete(id)
      else this.add(image, this.#missed.get(id)!.place)
    }
  }

  /** Those that have been deleted or stored again; what was stored is tried like every change. */
  async #dropChanged(): Promise<void> {
    const ids = [...this.#missed.keys()]
    for (let begin = 0; begin < ids.length; begin += broughtAtOnce) {
      const some = ids.slice(begin, begin + broughtAtOnce)
      const now = new Map((await this.#options.differing(some)).map(({ id, contentHash }) => [id, contentHash]))
      for (const id of some) if (now.get(id) !== this.#missed.get(id)!.contentHash) this.#missed.delete(id)
    }
  }

  /** Errors that a retry cannot change are not retried. */
  #outOfReach(): string[] {
    return [...this.#missed.values()].filter(({ error }) => mayPass(error)).map(({ id }) => id)
  }
}

export function missedLine({ id, error }: Pick<LostImage, 'id' | 'error'>, place: number): JobError {
  return { item: place, name: id, code: error.code, detail: error.message }
}

/** Whether a retry may succeed. */
function mayPass({ code, retryAfterSeconds }: AlikeError): boolean {
  return code === 'url_unreachable' && retryAfterSeconds !== undefined
}

export function originalsMissing(count: string): AlikeError {
  return new AlikeError('originals_missing', {
    detail: `There are ${count} of them, listed in the job’s errors; \`withoutOriginal: leave_out\` goes on without them.`,
  })
}
