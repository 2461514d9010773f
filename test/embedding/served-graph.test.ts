/** The served file is the exported one without its map. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { servedGraph, withoutMap } from '../../src/embedding/served-graph.js'
import { chooseBackend } from '../../src/train/backend.js'
import { withJoinedEmbedding } from '../../src/train/models/joined-embedding.js'
import { convertNetwork } from '../../src/train/onnx/convert.js'
import { decodeModel } from '../../src/train/onnx/onnx-proto.js'
import { openOnnx } from '../../src/train/onnx/onnx-session.js'
import { tinyResNet } from '../train/fine-tuning/tiny-resnet.js'

await chooseBackend('cpu')
const exported = (pooling: 'average' | 'gem') =>
  convertNetwork(
    withJoinedEmbedding(tinyResNet({ pooling, instanceDimension: 5 }), {
      posterior: { share: 0.3, sharpness: 1 },
      instanceShare: 0.2,
    }),
  )

test('only the map and what is computed for it are removed; everything else stays, in order', () => {
  const whole = exported('average')
  const before = decodeModel(whole)
  const after = decodeModel(withoutMap(whole))
  assert.deepEqual(
    [before, after].map(({ graph }) => graph.output.map(({ name }) => name)),
    [
      ['embedding', 'logits', 'map'],
      ['embedding', 'logits'],
    ],
  )
  const kept = before.graph.node.filter(({ output }) => !output[0]!.startsWith('map'))
  assert.ok(kept.length < before.graph.node.length)
  assert.deepEqual(after.graph.node, kept)
  assert.deepEqual(
    after.graph.initializer,
    before.graph.initializer.filter(({ name }) => !name.startsWith('map')),
  )
  assert.deepEqual({ ...after, graph: null }, { ...before, graph: null })
  assert.deepEqual(withoutMap(withoutMap(whole)), withoutMap(whole))
})

test('both compute the same', async () => {
  const whole = exported('average')
  const pixels = Uint8Array.from({ length: 2 * 32 * 32 * 3 }, (_, i) => (i * 31) % 256)
  const outputs = await Promise.all(
    [false, true].map(async (map) => {
      const session = await openOnnx(whole, { map })
      const found = await session.run(pixels, 32)
      await session.close()
      return found
    }),
  )
  assert.deepEqual([outputs[0]!.map, outputs[1]!.map?.length], [undefined, 2 * 16])
  for (const part of ['embedding', 'logits'] as const) assert.deepEqual(outputs[0]![part], outputs[1]![part])
})

test('a graph without a map is loaded from its file unchanged', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'alike-served-'))
  t.after(() => rm(folder, { recursive: true }))
  const [plain, mapped] = [join(folder, 'plain.onnx'), join(folder, 'mapped.onnx')]
  await writeFile(plain, exported('gem'))
  await writeFile(mapped, exported('average'))
  assert.equal(await servedGraph(plain), plain)
  assert.equal(await servedGraph(join(folder, 'none.onnx')), join(folder, 'none.onnx'))
  const torn = join(folder, 'torn.onnx')
  await writeFile(torn, exported('average').subarray(0, 1000))
  assert.equal(await servedGraph(torn), torn)
  assert.deepEqual(await servedGraph(mapped), withoutMap(Buffer.from(exported('average'))))
})
