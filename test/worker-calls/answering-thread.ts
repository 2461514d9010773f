/** A thread for `called-thread.test.ts`. */
import { setTimeout as sleep } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { AlikeError } from '../../src/errors.js'
import { answerCalls, MovedReply } from '../../src/worker-calls/answered-calls.js'

export type TestCalls = {
  greet: { request: string; reply: string }
  bytes: { request: number; reply: Uint8Array }
  wait: { request: number; reply: number }
  refuse: { request: string; reply: void }
  fail: { request: string; reply: void }
  die: { request: string; reply: void }
  dieLater: { request: string; reply: void }
  exit: { request: number; reply: void }
  nest: { request: number; reply: object }
  depth: { request: object; reply: string }
  share: { request: string; reply: object }
  garble: { request: number; reply: void }
}

const nested = (depth: number) => JSON.parse(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`) as object

answerCalls<TestCalls>(
  {
    greet: (name) => `${(workerData as { greeting: string }).greeting} ${name}`,
    bytes(count) {
      const bytes = new Uint8Array(count).fill(count)
      return new MovedReply<Uint8Array>(bytes, [bytes.buffer])
    },
    async wait(ms) {
      await sleep(ms)
      return ms
    },
    refuse(detail) {
      throw new AlikeError('overloaded', { detail, retryAfterSeconds: 3 })
    },
    fail(message) {
      throw new Error(message)
    },
    die(message) {
      setImmediate(() => {
        throw new Error(message)
      })
      return new Promise(() => {})
    },
    dieLater(message) {
      setTimeout(() => {
        throw new Error(message)
      }, 10)
    },
    exit: (code) => process.exit(code),
    nest: nested,
    depth: () => 'read',
    share: (word) => ({ word, never: () => word }),
    // past the check of what is sent
    garble: (depth) => parentPort!.postMessage(nested(depth)),
  },
  () => {},
)
