/**
 * What answers take in memory until their callers have taken them: so much for one, so much for all together. Small answers
 * are not counted: as many of them as there are connections do no harm.
 */
import type { FastifyReply } from 'fastify'
import { AlikeError } from '../errors.js'
import { whenGone } from './client-gone.js'

/** Larger answers are written in turns: this takes a few milliseconds. */
export const inOneTurnMaxBytes = 128 * 1024

export interface AnswerBytesOptions {
  /** Of one answer. */
  answerMaxBytes: number
  /** Of all that are made and not yet taken. */
  answersMaxBytes: number
}

export class AnswerBytes {
  readonly #options: AnswerBytesOptions
  readonly #accounts = new WeakMap<FastifyReply, AnswerAccount>()
  #held = 0

  constructor(options: AnswerBytesOptions) {
    this.#options = options
  }

  get held(): number {
    return this.#held
  }

  has(reply: FastifyReply): boolean {
    return this.#accounts.has(reply)
  }

  /** Given back when the connection has taken the answer, or is gone. */
  of(reply: FastifyReply): AnswerAccount {
    let account = this.#accounts.get(reply)
    if (account === undefined) {
      const opened = new AnswerAccount(
        this.#options,
        () => this.#held,
        (change) => {
          this.#held += change
        },
      )
      this.#accounts.set(reply, opened)
      whenGone(reply, () => opened.close())
      account = opened
    }
    return account
  }
}

/** The bytes of one answer. */
export class AnswerAccount {
  readonly #options: AnswerBytesOptions
  readonly #heldByAll: () => number
  readonly #change: (bytes: number) => void
  #bytes = 0
  #closed = false

  constructor(options: AnswerBytesOptions, heldByAll: () => number, change: (bytes: number) => void) {
    this.#options = options
    this.#heldByAll = heldByAll
    this.#change = change
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Room for more. @throws AlikeError `answer_too_large`, `overloaded` */
  take(bytes: number): void {
    this.set(this.#bytes + bytes)
  }

  /** What it turned out to be. @throws AlikeError `answer_too_large`, `overloaded`; then it is as it was */
  set(bytes: number): void {
    const { answerMaxBytes, answersMaxBytes } = this.#options
    const more = bytes - this.#bytes
    if (more > 0 && bytes > answerMaxBytes)
      throw new AlikeError('answer_too_large', { detail: `At most ${answerMaxBytes} are sent.` })
    if (more > 0 && this.#heldByAll() + more > answersMaxBytes)
      throw new AlikeError('overloaded', { detail: 'Too many answers wait to be taken.', retryAfterSeconds: 1 })
    if (this.#closed) return
    this.#bytes = bytes
    this.#change(more)
  }

  close(): void {
    this.#closed = true
    this.#change(-this.#bytes)
    this.#bytes = 0
  }
}
