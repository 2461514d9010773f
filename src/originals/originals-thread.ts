/**
 * Writes originals in a thread of its own: a new file takes some twenty calls of the file system, and their promises a
 * third of the main thread's time for a picture.
 */
import { CalledThread } from '../worker-calls/called-thread.js'
import { putFile } from './original-files.js'
import type { OriginalsCalls } from './originals-protocol.js'

/** Larger pictures, which are few, are written without a copy of their bytes, on the thread that has them. */
const copiedMaxBytes = 2 ** 20

export class OriginalsThread {
  readonly #thread: CalledThread<OriginalsCalls>

  /** Started by the first `put`. */
  constructor(onFailure: (error: Error) => void) {
    this.#thread = new CalledThread<OriginalsCalls>({
      name: 'originals',
      file: new URL('./originals-worker.js', import.meta.url),
      data: undefined,
      startsWhenCalled: true,
      onFailure,
    })
  }

  /** As `putFile`, also after the thread has ended. */
  async put(path: string, bytes: Uint8Array): Promise<void> {
    if (bytes.length > copiedMaxBytes || !this.#thread.alive) return putFile(path, bytes)
    const copy = new Uint8Array(bytes)
    try {
      await this.#thread.call('put', { path, bytes: copy }, [copy.buffer])
    } catch (error) {
      if (this.#thread.alive) throw error
      await putFile(path, bytes)
    }
  }

  close(): Promise<void> {
    return this.#thread.close()
  }
}
