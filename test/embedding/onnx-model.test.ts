import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { InferenceSession, type Tensor } from 'onnxruntime-node'
import { OnnxModel } from '../../src/embedding/onnx-model.js'
import type { SessionSettings } from '../../src/embedding/worker-protocol.js'
import { handmadeModel } from '../support/handmade-onnx.js'

async function open(t: TestContext, settings: Partial<SessionSettings>): Promise<OnnxModel> {
  const { folder } = await handmadeModel(t)
  const model = await OnnxModel.open({
    modelPath: join(folder, 'model.onnx'),
    provider: 'cpu',
    inputSize: 8,
    batchSizes: [1, 2, 4],
    ...settings,
  })
  t.after(() => model.release())
  return model
}

/** Pictures with these first logits. */
function batchOf(...firsts: number[]): Uint8Array<ArrayBuffer> {
  const pixels = new Uint8Array(firsts.length * 8 * 8 * 3)
  firsts.forEach((first, row) => {
    pixels[row * 8 * 8 * 3] = first
  })
  return pixels
}

/** Session → the input shapes that ONNX Runtime receives from now on. */
function watchShapes(t: TestContext): () => string[][] {
  const prototype = (InferenceSession as unknown as { prototype: InferenceSession }).prototype
  const { mock } = t.mock.method(prototype, 'run') // still runs
  return () => {
    const seen = new Map<unknown, Set<string>>()
    for (const {
      this: session,
      arguments: [feeds],
    } of mock.calls) {
      const { dims } = (feeds as unknown as { pixels: Tensor }).pixels
      seen.set(session, (seen.get(session) ?? new Set()).add(dims.join('×')))
    }
    return [...seen.values()].map((shapes) => [...shapes])
  }
}

const firstLogits = ({ logits }: { logits: Float32Array }, rows: number) =>
  Array.from({ length: rows }, (_, row) => logits[row * 4])

test('with one session per batch size, each sees only its own shape', async (t) => {
  const model = await open(t, { batchSizes: [1, 4, 2], sessionPerBatchSize: true })
  const shapesSeen = watchShapes(t)
  for (const firsts of [[1], [2, 3, 4, 5], [6, 7], [8], [9, 10, 11, 12]]) {
    assert.deepEqual(firstLogits(await model.run(batchOf(...firsts), firsts.length), firsts.length), firsts)
  }
  assert.deepEqual(shapesSeen(), [['1×8×8×3'], ['4×8×8×3'], ['2×8×8×3']])
})

test('a batch size without a session is refused, not run by another session', async (t) => {
  for (const sessionPerBatchSize of [true, false]) {
    const model = await open(t, { sessionPerBatchSize })
    await assert.rejects(model.run(batchOf(1, 2, 3), 3), /no session takes a batch of 3/)
  }
})

test('otherwise one session takes every size', async (t) => {
  const model = await open(t, {})
  const shapesSeen = watchShapes(t)
  for (const firsts of [[1], [2, 3, 4, 5], [6, 7]]) {
    assert.deepEqual(firstLogits(await model.run(batchOf(...firsts), firsts.length), firsts.length), firsts)
  }
  assert.deepEqual(shapesSeen(), [['1×8×8×3', '4×8×8×3', '2×8×8×3']])
})

test('a model that cannot be opened gives the reason', async (t) => {
  await assert.rejects(open(t, { modelPath: '/nowhere/model.onnx', sessionPerBatchSize: true }), /doesn't exist/)
})

test('several threads compute the same embedding to the bit, and the bytes of the file are given back', async (t) => {
  const settings = { modelPath: 'onnx/har-lite0/model.int8.onnx', inputSize: 224, batchSizes: [1] }
  const before = process.memoryUsage().arrayBuffers
  const one = await open(t, settings)
  assert(process.memoryUsage().arrayBuffers - before < 2 ** 20)
  const two = await open(t, { ...settings, threads: 2 })
  const pixels = () => Uint8Array.from({ length: 224 * 224 * 3 }, (_, i) => (i * 7_919) % 251)
  assert.deepEqual((await two.run(pixels(), 1)).embeddings, (await one.run(pixels(), 1)).embeddings)
})
