/** Main-thread handle of the loader thread: request batches ahead of time, await them when needed. */
import { availableParallelism } from 'node:os'
import type { LabelledImage } from '../../datasets/labelled-image.js'
import { CalledThread } from '../../worker-calls/called-thread.js'
import type { BatchRequest, LoaderCalls, LoaderStart, Pixels } from './loader-protocol.js'

/**
 * On up to four cores the thread decodes as fast as processes would; with more, two cores are left to the training
 * thread.
 */
export function loaderProcesses(cores = availableParallelism()): number {
  return cores <= 4 ? 0 : Math.min(cores - 2, 16)
}

export class ImageLoader {
  readonly #thread: CalledThread<LoaderCalls>

  /** @param processes number of decoding processes; see `loaderProcesses` */
  constructor(images: readonly LabelledImage[], processes = loaderProcesses()) {
    const start: LoaderStart = { images: images.map(({ id, source }) => ({ id, source })), processes }
    this.#thread = new CalledThread<LoaderCalls>({
      name: 'loader',
      file: new URL('./loader-worker.js', import.meta.url),
      data: start,
      onFailure: () => {}, // requested batches fail, which ends the run
    })
  }

  /** @throws AlikeError `dataset_unusable`, naming the picture */
  load(request: BatchRequest): Promise<Pixels> {
    return this.#thread.call('load', request)
  }

  /** Yields the batches in order, keeping `ahead` of them in progress while the caller computes. */
  async *stream(requests: readonly BatchRequest[], ahead = 3): AsyncGenerator<Pixels> {
    const inWork = requests.slice(0, ahead).map((request) => this.load(request))
    // a batch that fails while an earlier one is awaited must not become an unhandled rejection
    for (const batch of inWork) batch.catch(() => {})
    for (let next = 0; next < requests.length; next++) {
      const pixels = await inWork.shift()!
      const further = requests[next + ahead]
      if (further !== undefined) {
        const batch = this.load(further)
        batch.catch(() => {})
        inWork.push(batch)
      }
      yield pixels
    }
  }

  /** Finishes batches in progress. Resolves when the thread has ended. */
  close(): Promise<void> {
    return this.#thread.close()
  }
}
