/** Limits on large answers: a maximum size each and in total, and a time in which they must be read. */
import type { FastifyInstance, FastifyReply } from 'fastify'
import { AnswerBytes } from '../answer-bytes.js'
import { whenGone } from '../client-gone.js'

export interface AnswerLimits {
  answerMaxBytes: number
  answersMaxBytes: number
  /** Time to read an answer, in addition to what it needs at the minimum rate. */
  answerTimeoutMs: number
  answerMinBytesPerSecond: number
}

/** What sockets buffer anyway: smaller answers are not counted. */
const smallBytes = 16 * 1024
/** A longer timer would fire at once. */
const timerMaxMs = 2 ** 31 - 1
/** Memory that a stream may use: a page of its lines, and what the socket buffers. */
const streamBytes = 256 * 1024

/** Answers beyond a limit are refused with `answer_too_large` or `overloaded`; unread ones are cut off. */
export function limitAnswers(
  app: FastifyInstance,
  { answerTimeoutMs, answerMinBytesPerSecond, ...bounds }: AnswerLimits,
): AnswerBytes {
  const answers = new AnswerBytes(bounds)
  app.addHook('onSend', (request, reply, payload: unknown, done) => {
    const bytes = bytesOf(payload)
    try {
      if (bytes > smallBytes || answers.has(reply)) answers.of(reply).set(bytes > smallBytes ? bytes : 0)
    } catch (error) {
      answers.of(reply).set(0)
      if (isStream(payload)) payload.destroy()
      return done(error as Error)
    }
    const length = isStream(payload) ? Number(reply.getHeader('content-length')) : bytes
    // a stream may stem from a store with few connections; NaN: nobody knows how long it is
    if (length > smallBytes)
      cutOff(reply, answerTimeoutMs + (length / answerMinBytesPerSecond) * 1_000, () =>
        request.log.info({ bytes: length }, 'the client did not read the answer in time'),
      )
    done(null, payload)
  })
  return answers
}

function bytesOf(payload: unknown): number {
  if (typeof payload === 'string' || Buffer.isBuffer(payload)) return Buffer.byteLength(payload)
  return isStream(payload) ? streamBytes : 0
}

/**
 * Streams are read only as fast as they are consumed; those of unknown length end like every connection if the client
 * stops reading.
 */
function isStream(payload: unknown): payload is NodeJS.ReadableStream & { destroy(): void } {
  return typeof payload === 'object' && payload !== null && 'pipe' in payload
}

function cutOff(reply: FastifyReply, afterMs: number, onCutOff: () => void): void {
  const timer = setTimeout(
    () => {
      onCutOff()
      reply.raw.destroy()
    },
    Math.min(afterMs, timerMaxMs),
  )
  whenGone(reply, () => clearTimeout(timer))
}
