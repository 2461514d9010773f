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
  #unanswered = 0

  /** @param answers the copies thread, or its stand-in */
  constructor(answers: CopyAnswers) {
    this.#answers = answers
  }

  /** Unanswered questions. */
  get depth(): number {
    return this.#unanswered
  }

  /** See `CopiesCalls`. */
  scores(gallery: number, query: readonly Uint8Array[], slots: Uint32Array): Promise<Float32Array> {
    return this.#ask('scores', { gallery, query, slots })
  }

  likeness(gallery: number, rows: number, columns: Uint32Array, least: number): Promise<Float32Array> {
    return this.#ask('likeness', { gallery, rows, columns, least })
  }

  find(gallery: number, { descriptors: query, ...wanted }: CopiesWanted): Promise<Uint32Array> {
    return this.#ask('find', { gallery, query, ...wanted })
  }

  undescribed(gallery: number, fromSlot: number, limit: number): Promise<Undescribed[]> {
    return this.#ask('undescribed', { gallery, fromSlot, limit })
  }

  async #ask<Name extends keyof CopiesCalls>(
    name: Name,
    request: CopiesCalls[Name]['request'],
  ): Promise<CopiesCalls[Name]['reply']> {
    this.#unanswered += 1
    try {
      return await this.#answers.call(name, request)
    } finally {
      this.#unanswered -= 1
    }
  }
}
