/** Main-thread handle of the loader thread: ask for batches ahead of time, await them when needed. */
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { LabelledImage } from '../../datasets/labelled-image.js'
import { AlikeError } from '../../errors.js'
import type { FromLoader, LoaderStart, LoadRequest, ToLoader } from './loader-protocol.js'

/** On up to four cores the thread decodes as fast as processes would; beyond that, two cores are left to the training thread. */
export function loaderProcesses(cores = availableParallelism()): number {
  return cores <= 4 ? 0 : Math.min(cores - 2, 16)
}

export type BatchRequest = Omit<LoadRequest, 'kind' | 'ticket'>

/** uint8 [pictures, size, size, 3]. */
export type Pixels = Uint8Array<ArrayBuffer>

export class ImageLoader {
  readonly #worker: Worker
  readonly #images: readonly LabelledImage[]
  readonly #waiting = new Map<number, { resolve: (pixels: Pixels) => void; reject: (error: Error) => void }>()
  #nextTicket = 0

  /** @param processes that decode; see `loaderProcesses` */
  constructor(images: readonly LabelledImage[], processes = loaderProcesses()) {
    this.#images = images
    const start: LoaderStart = { sources: images.map(({ source }) => source), processes }
    this.#worker = new Worker(new URL('./loader-worker.js', import.meta.url), { workerData: start })
    this.#worker.on('message', (message: FromLoader) => this.#settle(message))
    this.#worker.on('error', (error) => this.#failAll(error instanceof Error ? error : new Error(String(error))))
  }

  load(request: BatchRequest): Promise<Pixels> {
    const ticket = this.#nextTicket++
    this.#post({ kind: 'load', ticket, ...request })
    return new Promise((resolve, reject) => this.#waiting.set(ticket, { resolve, reject }))
  }

  /** Yields the batches in order, always `ahead` of them in work while the caller computes. */
  async *stream(requests: readonly BatchRequest[], ahead = 3): AsyncGenerator<Pixels> {
    const inWork = requests.slice(0, ahead).map((request) => this.load(request))
    // a batch that fails while an earlier one is awaited must not count as unhandled
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

  close(): void {
    this.#post({ kind: 'close' })
  }

  #post(message: ToLoader): void {
    this.#worker.postMessage(message)
  }

  #settle(message: FromLoader): void {
    const waiting = this.#waiting.get(message.ticket)!
    this.#waiting.delete(message.ticket)
    if (message.kind === 'loaded') {
      waiting.resolve(message.pixels)
      return
    }
    const id = this.#images[message.image]?.id ?? 'unknown'
    waiting.reject(
      new AlikeError('data_unreadable', { detail: `The picture "${id}" can not be read.`, cause: message.error }),
    )
  }

  #failAll(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}
