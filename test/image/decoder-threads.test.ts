import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import '../../src/image/decoder.js'

test('a thread that begins to decode does not block the loaders of one that is decoding', async () => {
  const thread = new Worker(new URL('../support/decoding-thread.js', import.meta.url))
  assert.deepEqual(await once(thread, 'message'), [0])
})
