/**
 * The memory that answers occupy until their callers have read them: a limit for each, and one for all together. Small
 * answers are not counted: even one per connection does no harm.
 */
import type { FastifyReply } from 'fastify'
import { AlikeError } from '../errors.js'
import { whenGone } from './client-gone.js'

/** Writing this much takes a few milliseconds; larger answers are written in turns. */
export const inOneTurnMaxBytes = 128 * 1024

export interface AnswerBytesOptions {
  /** Limit of one answer. */
  answerMaxBytes: number
  /** Limit of all answers not yet read. */
  answersMaxBytes: number
}

export class AnswerBytes {
  readonly #options: AnswerBytesOptions
  readonly #accounts = new WeakMap<FastifyReply, AnswerAccount>()
  readonly #all = { held: 0 }

  constructor(options: AnswerBytesOptions) {
    this.#options = options
  }

  get held(): number {
    return this.#all.held
  }

  has(reply: FastifyReply): boolean {
    return this.#accounts.has(reply)
  }

  /** Released when the connection has sent the answer, or is gone. */
  of(reply: FastifyReply): AnswerAccount {
    const known = this.#accounts.get(reply)
    if (known !== undefined) return known
    const account = new AnswerAccount(this.#options, this.#all)
    this.#accounts.set(reply, account)
    whenGone(reply, () => account.close())
    return account
  }
}

/** The bytes of one answer. */
export class AnswerAccount {
  readonly #options: AnswerBytesOptions
  readonly #all: { held: number }
  #bytes = 0
  #closed = false

  /** @param all the bytes of all answers, of which these are a part */
  constructor(options: AnswerBytesOptions, all: { held: number }) {
    this.#options = options
    this.#all = all
  }

  get bytes(): number {
    return this.#bytes
  }

  /**
   * Reserves more.
   * @throws AlikeError `answer_too_large`, `overloaded`
   */
  take(bytes: number): void {
    this.set(this.#bytes + bytes)
  }

  /**
   * The actual size.
   * @throws AlikeError `answer_too_large`, `overloaded`; the reservation is unchanged then
   */
  set(bytes: number): void {
    const { answerMaxBytes, answersMaxBytes } = this.#options
    const more = bytes - this.#bytes
    if (more > 0 && bytes > answerMaxBytes)
      throw new AlikeError('answer_too_large', { detail: `The maximum is ${answerMaxBytes} bytes.` })
    if (more > 0 && this.#all.held + more > answersMaxBytes)
      throw new AlikeError('overloaded', { detail: 'Too many answers are waiting to be read.', retryAfterSeconds: 1 })
    if (this.#closed) return
    this.#bytes = bytes
    this.#all.held += more
  }

  close(): void {
    this.#closed = true
    this.#all.held -= this.#bytes
    this.#bytes = 0
  }
}
