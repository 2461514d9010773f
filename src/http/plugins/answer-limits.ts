/** The door on the way out: large answers have a bound each, one together, and a time in which they have to be taken. */
import type { FastifyInstance, FastifyReply } from 'fastify'
import { AnswerBytes } from '../answer-bytes.js'
import { whenGone } from '../client-gone.js'

export interface AnswerLimits {
  answerMaxBytes: number
  answersMaxBytes: number
  /** Time for an answer to be taken, besides what it needs at the slowest pace. */
  answerTimeoutMs: number
  answerMinBytesPerSecond: number
}

/** What sockets take at once: smaller answers are not counted. */
const smallBytes = 16 * 1024
/** What a stream may have in memory: a page of its lines, and what the socket holds back. */
const streamBytes = 256 * 1024

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
    if (bytes > smallBytes && !isStream(payload))
      cutOff(reply, answerTimeoutMs + (bytes / answerMinBytesPerSecond) * 1_000, () =>
        request.log.info({ bytes }, 'the answer was not taken in time'),
      )
    done(null, payload)
  })
  return answers
}

function bytesOf(payload: unknown): number {
  if (typeof payload === 'string' || Buffer.isBuffer(payload)) return Buffer.byteLength(payload)
  return isStream(payload) ? streamBytes : 0
}

/** Streams read on only as far as they are taken; silence ends them as it ends every connection. */
function isStream(payload: unknown): payload is NodeJS.ReadableStream & { destroy(): void } {
  return typeof payload === 'object' && payload !== null && 'pipe' in payload
}

function cutOff(reply: FastifyReply, afterMs: number, tell: () => void): void {
  const timer = setTimeout(() => {
    tell()
    reply.raw.destroy()
  }, afterMs)
  whenGone(reply, () => clearTimeout(timer))
}
