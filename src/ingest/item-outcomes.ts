/** What becomes of one item of a source: a picture is read, decoded and embedded, and a failure of its own is told with it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { AlikeError } from '../errors.js'
import type { JobError } from '../gallery/job-progress.js'
import type { ImageStep, PutStep } from '../gallery/records.js'
import { isAboutImage } from '../jobs/image-errors.js'
import { passingCodes, patiently } from '../jobs/patience.js'
import { readOriginal } from '../originals/image-originals.js'
import type { JobTrace } from './job-trace.js'
import { type IncomingImage, type IntakeParts, type StageDurations, takeIn } from './new-image.js'
import type { PictureItem, SourceItem } from './source.js'

export interface ItemOutcomesOptions {
  parts: IntakeParts
  signal: AbortSignal
  /** Left out: nothing is traced. */
  trace?: JobTrace | undefined
}

export type Outcome = { index: number; isNameAssumed?: boolean | undefined } & (
  | { step: ImageStep; replaces?: JobError | undefined }
  | { skipped: true; note?: JobError | undefined }
  | { failed: JobError }
)

/** So many pictures in a row that fail for no reason of theirs: the fault is ours, the job ends. */
const ownFaultsMax = 20
/** Of a picture by URL whose host says that it is busy, or does not answer. */
const fetchAttemptsMax = 3
const fetchPauseMaxSeconds = 30

export class ItemOutcomes {
  readonly #gallery: string
  readonly #options: ItemOutcomesOptions
  #ownFaults = 0

  constructor(gallery: string, options: ItemOutcomesOptions) {
    this.#gallery = gallery
    this.#options = options
  }

  /** @throws AlikeError why the job as a whole cannot go on; the signal's reason */
  async of(item: SourceItem): Promise<Outcome> {
    const { index, name, isNameAssumed } = item
    if ('skipped' in item) return { index, skipped: true, note: item.note && errorLine(item, item.note) }
    if ('error' in item) return { index, failed: errorLine(item, item.error) }
    if ('remove' in item) return { index, step: { remove: item.remove } }
    try {
      const step = await this.#put(item)
      if (step === undefined) return { index, skipped: true }
      this.#ownFaults = 0
      return { index, step, isNameAssumed, replaces: item.repeats === true ? replacementLine(item) : undefined }
    } catch (error) {
      if (!(error instanceof AlikeError)) throw error
      if (error.code === 'internal' && ++this.#ownFaults > ownFaultsMax) throw error
      if (error.code !== 'internal' && !isAboutImage(error.code)) throw error
      return { index, failed: errorLine({ index, name }, error) }
    }
  }

  /**
   * From what was kept of the picture: another model serves the gallery by now.
   * @throws AlikeError `serving_changed` for a picture that was not kept: it has to be read again; and as `takeIn`
   */
  async again(step: ImageStep): Promise<ImageStep> {
    if (!('put' in step)) return step
    const { parts, signal } = this.#options
    const { id, label, metadata, contentHash, reference } = step.put
    const kept = { contentHash, reference, isHeld: true }
    const bytes = await readOriginal(parts, kept, { signal, attempts: fetchAttemptsMax })
    if (bytes === undefined) throw new AlikeError('serving_changed')
    return patiently(() => this.#takeIn({ id, label, metadata, bytes, origin: reference }), signal)
  }

  /** @returns undefined for one that is passed over, see `PictureElsewhere` */
  async #put(item: PictureItem): Promise<PutStep | undefined> {
    const { id, label, metadata, reference } = item
    const origin = item.origin ?? ('url' in item ? item.url : undefined)
    const bytes = await this.#bytesHere(item)
    if (bytes === undefined) return undefined
    // room for the original is waited for; what becomes of the job without room for records is decided by its writes
    const waitsOut = [...passingCodes, 'storage_full'] as const
    const image = { id, bytes, label, metadata, reference, origin }
    return patiently(() => this.#takeIn(image), this.#options.signal, waitsOut)
  }

  #takeIn(image: IncomingImage): Promise<PutStep> {
    const { parts, trace, signal } = this.#options
    const startedAt = performance.now()
    const onEmbedded = trace && ((stages: StageDurations) => trace.embedded(startedAt, stages))
    return takeIn(this.#gallery, image, parts, { signal, purpose: 'job', onEmbedded })
  }

  async #bytesHere(item: PictureItem): Promise<Buffer | undefined> {
    const { signal, parts } = this.#options
    if ('bytes' in item) return item.bytes
    if ('read' in item) return item.read(signal)
    for (let attempt = 1; ; attempt++) {
      try {
        return await parts.remote.fetch(item.url, signal)
      } catch (error) {
        const pause = error instanceof AlikeError ? error.retryAfterSeconds : undefined
        if (pause === undefined || attempt === fetchAttemptsMax) throw error
        await sleep(Math.min(pause, fetchPauseMaxSeconds) * 1000, undefined, { signal })
      }
    }
  }
}

export function errorLine({ index, name }: { index: number; name: string }, error: AlikeError): JobError {
  return { item: index, name, code: error.code, detail: error.message }
}

function replacementLine({ index, name, id }: { index: number; name: string; id: string }): JobError {
  return errorLine(
    { index, name },
    new AlikeError('id_repeated', {
      detail: `It replaced an earlier picture of this upload with the id ${JSON.stringify(id)}.`,
    }),
  )
}
