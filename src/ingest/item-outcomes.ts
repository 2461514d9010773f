/** Processes one item of a source: reads, decodes and embeds a picture, and reports a failure of that picture. */
import { AlikeError } from '../errors.js'
import type { JobError } from '../gallery/job-progress.js'
import type { ImageStep, PutStep } from '../gallery/records.js'
import { isAboutImage } from '../jobs/image-errors.js'
import { patiently } from '../jobs/patience.js'
import { readOriginal } from '../originals/image-originals.js'
import { attempted } from '../remote/attempts.js'
import type { JobTrace } from './job-trace.js'
import { type IncomingImage, type IntakeParts, type StageDurations, takeIn } from './new-image.js'
import type { PictureItem, SourceItem } from './source.js'

export interface ItemOutcomesOptions {
  parts: IntakeParts
  signal: AbortSignal
  /** Default: no tracing. */
  trace?: JobTrace | undefined
}

export type Outcome = { index: number; isNameAssumed?: boolean | undefined } & (
  | { step: ImageStep; name: string; replaces?: JobError | undefined }
  | { skipped: true; note?: JobError | undefined }
  | { failed: JobError }
)

/** If this many pictures in a row fail for reasons not their own, the fault is ours and the job ends. */
const ownFaultsMax = 20
/** For a picture behind a URL whose host is busy or does not answer. */
const fetchAttemptsMax = 3

export class ItemOutcomes {
  readonly #gallery: string
  readonly #options: ItemOutcomesOptions
  #ownFaults = 0

  constructor(gallery: string, options: ItemOutcomesOptions) {
    this.#gallery = gallery
    this.#options = options
  }

  /**
   * @param asksForRoom whether a new picture is refused before it is read, if the gallery is full
   * @throws AlikeError why the job as a whole cannot continue; the signal's reason
   */
  async of(item: SourceItem, { asksForRoom = false } = {}): Promise<Outcome> {
    const { index, name, isNameAssumed } = item
    if ('skipped' in item) return { index, skipped: true, note: item.note && errorLine(item, item.note) }
    if ('error' in item) return { index, failed: errorLine(item, item.error) }
    if ('remove' in item) return { index, name, step: { remove: item.remove } }
    if ('patch' in item) return { index, name, step: { patch: item.patch, change: item.change } }
    try {
      if (asksForRoom) await this.#expectRoom(item)
      const step = await this.#put(item)
      if (step === undefined) return { index, skipped: true, note: errorLine(item, leftForLater()) }
      this.#ownFaults = 0
      return { index, name, step, isNameAssumed, replaces: item.repeats === true ? replacementLine(item) : undefined }
    } catch (error) {
      if (!(error instanceof AlikeError)) throw error
      if (error.code === 'internal' && ++this.#ownFaults > ownFaultsMax) throw error
      if (error.code !== 'internal' && !isAboutImage(error.code)) throw error
      return { index, failed: errorLine({ index, name }, error) }
    }
  }

  /**
   * Embeds what was kept of the picture for the model that now serves the gallery.
   * @throws AlikeError `serving_changed` for a picture of which nothing readable was kept: the upload has to be read
   * again; and as `takeIn` does
   */
  async again(step: ImageStep): Promise<ImageStep> {
    if (!('put' in step)) return step
    const { parts, signal } = this.#options
    const { id, label, metadata, contentHash, reference } = step.put
    const kept = { contentHash, reference, isHeld: true }
    const reading = readOriginal(parts, kept, { signal, attempts: fetchAttemptsMax })
    const bytes = await reading.catch((error: unknown) => {
      if (error instanceof AlikeError && (isAboutImage(error.code) || error.code === 'data_unreadable'))
        return undefined
      throw error
    })
    if (bytes === undefined) throw new AlikeError('serving_changed')
    // no caller may give a file as a reference
    const place = reference?.startsWith('file:') ? { origin: reference } : { reference }
    return patiently(() => this.#takeIn({ id, label, metadata, bytes, ...place }), signal)
  }

  #expectRoom({ id }: PictureItem): Promise<void> {
    const { parts, signal } = this.#options
    return patiently(() => parts.galleries.images.expectRoom(this.#gallery, id), signal)
  }

  /** @returns undefined for a skipped picture, see `PictureElsewhere` */
  async #put(item: PictureItem): Promise<PutStep | undefined> {
    const { id, label, metadata, reference } = item
    const origin = item.origin ?? ('url' in item ? item.url : undefined)
    const bytes = await this.#bytesHere(item)
    if (bytes === undefined) return undefined
    const image = { id, bytes, label, metadata, reference, origin }
    return patiently(() => this.#takeIn(image), this.#options.signal)
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
    return attempted(() => parts.remote.fetch(item.url, signal), { attempts: fetchAttemptsMax, signal })
  }
}

/** Whoever listed it must not count it as taken: it may come back as it was. */
function leftForLater(): AlikeError {
  return new AlikeError('source_unreadable', { detail: 'It had changed or was gone when its turn came.' })
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
