/**
 * A graph whose outputs can be computed by hand: the embedding is the first `dimension` bytes of the picture, scaled to
 * unit length; the logits are the first `classes` of them. A black picture has no unit vector.
 */
import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type Model, type ModelManifest, modelId, readModel } from '../../src/embedding/model-manifest.js'
import { GraphBuilder } from '../../src/train/onnx/graph-builder.js'
import { encodeModel } from '../../src/train/onnx/onnx-proto.js'
import { temporaryFolder } from './temporary-folder.js'

export interface HandmadeOptions {
  inputSize?: number
  dimension?: number
  classes?: number
  /** What the manifest claims instead of the true value. */
  statedDimension?: number
  calibration?: ModelManifest['calibration']
  provenance?: ModelManifest['provenance']
  name?: string
}

/** A model folder with that graph as its fp32 network, removed after the test. */
export async function handmadeModel(t: TestContext, options: HandmadeOptions = {}): Promise<Model> {
  return writeHandmadeModel(await temporaryFolder(t, 'alike-model-'), options)
}

export async function writeHandmadeModel(folder: string, options: HandmadeOptions = {}): Promise<Model> {
  const {
    inputSize = 8,
    dimension = 6,
    classes = 4,
    statedDimension = dimension,
    calibration,
    provenance = {},
    name = 'handmade',
  } = options
  const bytes = handmadeGraph(inputSize, dimension, classes)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const preprocessing: ModelManifest['preprocessing'] = {
    inputSize,
    fit: 'squash',
    resizeShortSide: inputSize,
    kernel: 'linear',
    mean: [0, 0, 0],
    std: [1, 1, 1],
  }
  const manifest: ModelManifest = {
    manifestVersion: 1,
    id: modelId(sha256, preprocessing),
    name,
    architecture: 'handmade',
    createdAt: '2026-01-01T00:00:00.000Z',
    embeddingDimension: statedDimension,
    preprocessing,
    labels: Array.from({ length: classes }, (_, i) => `class ${i}`),
    files: { fp32: { file: 'model.onnx', sha256, bytes: bytes.length } },
    ...(calibration && { calibration }),
    provenance,
  }
  await writeFile(join(folder, 'model.onnx'), bytes)
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest))
  return readModel(folder)
}

function handmadeGraph(inputSize: number, dimension: number, classes: number): Uint8Array {
  const graph = new GraphBuilder()
  const [start, columns] = [graph.integers('start', [0]), graph.integers('columns', [1])]
  const firstColumns = (name: string, count: number) =>
    graph.add('Slice', name, [bytes, start, graph.integers(`${name}_end`, [count]), columns])
  const pixels = graph.input('pixels', 'uint8', ['N', inputSize, inputSize, 3])
  const bytes = graph.add('Flatten', 'bytes', [graph.add('Cast', 'floats', [pixels], { to: 1 })], { axis: 1 }) // [N, 3·H·W]
  const first = firstColumns('first', dimension) // [N, dimension]
  const squares = graph.add('ReduceSum', 'squares', [graph.add('Mul', 'squared', [first, first]), columns]) // [N, 1]
  const unit = graph.add('Div', 'unit', [first, graph.add('Sqrt', 'norm', [squares])])
  return encodeModel(
    graph.build('handmade', [
      { name: 'embedding', value: unit, shape: ['N', dimension] },
      { name: 'logits', value: firstColumns('classes', classes), shape: ['N', classes] },
    ]),
  )
}
