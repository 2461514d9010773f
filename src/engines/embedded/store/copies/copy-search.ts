/** The main thread's interface to near-copy search. */
import type { CopiesWanted } from '../../../../gallery/engine.js'
import type { Undescribed } from '../images/descriptor-table.js'
import type { CopiesCalls } from './copies-protocol.js'

export interface CopyAnswers {
  call<Name extends keyof CopiesCalls>(
    name: Name,
    request: CopiesCalls[Name]['request'],
  ): Promise<CopiesCalls[Name]['reply']>
}

export class CopySearch {
  readonly #answers: CopyAnswers
  #asked = 0

  /** @param answers the copies thread, or its stand-in */
  constructor(answers: CopyAnswers) {
    this.#answers = answers
  }

  /** Unanswered questions. */
  get depth(): number {
    return this.#asked
  }

  /** See `CopiesCalls`. */
  scores(gallery: number, query: readonly Uint8Array[], slots: Uint32Array): Promise<Float32Array> {
    return this.#ask('scores', { gallery, query, slots })
  }

  likeness(gallery: number, rows: number, columns: Uint32Array, least: number): Promise<Float32Array> {
    return this.#ask('likeness', { gallery, rows, columns, least })
  }

  /** @param signal aborted when nobody is waiting for the result any more */
  async find(
    gallery: number,
    { descriptors: query, ...wanted }: CopiesWanted,
    signal?: AbortSignal,
  ): Promise<Uint32Array> {
    signal?.throwIfAborted()
    const stop = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
    const onAbort = () => void Atomics.store(stop, 0, 1)
    signal?.addEventListener('abort', onAbort)
    try {
      const found = await this.#ask('find', { gallery, query, stop, ...wanted })
      signal?.throwIfAborted()
      return found
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }

  undescribed(gallery: number, fromSlot: number, limit: number): Promise<Undescribed[]> {
    return this.#ask('undescribed', { gallery, fromSlot, limit })
  }

  async #ask<Name extends keyof CopiesCalls>(
    name: Name,
    request: CopiesCalls[Name]['request'],
  ): Promise<CopiesCalls[Name]['reply']> {
    this.#asked += 1
    try {
      return await this.#answers.call(name, request)
    } finally {
      this.#asked -= 1
    }
  }
}
