/** Which pictures are near-copies of which, as the main thread asks it. */
import { AlikeError } from '../../../errors.js'
import type { CopiesCalls } from './copies-protocol.js'
import type { Undescribed } from './descriptor-table.js'

/** Walks over all descriptors of a gallery that may be under way; each takes its turn with the others. */
export const copyWalksMax = 8

export interface CopyAnswers {
  call<Name extends keyof CopiesCalls>(
    name: Name,
    request: CopiesCalls[Name]['request'],
  ): Promise<CopiesCalls[Name]['reply']>
}

export class CopySearch {
  readonly #answers: CopyAnswers
  #asked = 0
  #walks = 0

  /** @param answers the copies thread, or whatever reads in its place */
  constructor(answers: CopyAnswers) {
    this.#answers = answers
  }

  /** Questions without an answer so far. */
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

  /** @throws AlikeError `overloaded` */
  async find(gallery: number, query: readonly Uint8Array[], least: number): Promise<Uint32Array> {
    if (this.#walks >= copyWalksMax)
      throw new AlikeError('overloaded', {
        detail: `${copyWalksMax} searches for copies are under way.`,
        retryAfterSeconds: 1,
      })
    this.#walks += 1
    try {
      return await this.#ask('find', { gallery, query, least })
    } finally {
      this.#walks -= 1
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
