import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Session, SessionOpenError } from '../../src/embedding/session.js'
import type { SessionSettings } from '../../src/embedding/worker-protocol.js'
import { handmadeModel } from '../support/handmade-onnx.js'

async function settingsFor(t: TestContext, settings: Partial<SessionSettings> = {}): Promise<SessionSettings> {
  const { folder } = await handmadeModel(t)
  return { modelPath: join(folder, 'model.onnx'), provider: 'cpu', inputSize: 8, batchSizes: [1, 4], ...settings }
}

function image(first: number): Uint8Array {
  return new Uint8Array(8 * 8 * 3).fill(first, 0, 1)
}

test('a partial batch is padded with black, also if its buffer was used before', async (t) => {
  const { session, info } = await Session.open(await settingsFor(t))
  t.after(() => session.close())
  assert.equal(info.embeddingDimension, 6)
  assert.equal(info.classCount, 4)
  const full = await session.run([1, 2, 3, 4].map(image), 4)
  assert.deepEqual(
    [0, 4, 8, 12].map((at) => full.logits[at]),
    [1, 2, 3, 4],
  )
  const partial = await session.run([5, 6, 7].map(image), 4)
  assert.deepEqual(
    [0, 4, 8, 12].map((at) => partial.logits[at]),
    [5, 6, 7, 0],
  )
})

test('a session that cannot be opened gives the reason, and its thread is gone', async (t) => {
  const settings = await settingsFor(t, { modelPath: '/nowhere/model.onnx' })
  await assert.rejects(
    Session.open(settings),
    (error) => error instanceof SessionOpenError && /doesn't exist/.test(error.message),
  )
})

test('a graph that does not accept the stated input size fails in the warm-up, not at the first query', async (t) => {
  await assert.rejects(Session.open(await settingsFor(t, { inputSize: 9 })), /Got invalid dimensions/)
})

test('a closed session refuses to run instead of never answering', async (t) => {
  const { session } = await Session.open(await settingsFor(t))
  await session.close()
  assert.equal(session.alive, false)
  await assert.rejects(session.run([image(1)], 1))
})
