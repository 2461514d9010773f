import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as tfl from '@tensorflow/tfjs-layers'
import type { TrainableNetwork } from '../../../../src/train/models/network.js'
import { convertNetwork } from '../../../../src/train/onnx/convert.js'
import { decodeModel, encodeModel, type ModelProto } from '../../../../src/train/onnx/onnx-proto.js'
import { openOnnx, optimised } from '../../../../src/train/onnx/onnx-session.js'
import { collectActivations, rangesBy } from '../../../../src/train/onnx/precisions/activation-ranges.js'
import { toHalfPrecision, toSinglePrecision } from '../../../../src/train/onnx/precisions/half-precision.js'
import { cosinesOf } from '../../../../src/train/onnx/precisions/precision-gate.js'
import { channelsToAverage, quantise, valuesToCalibrate } from '../../../../src/train/onnx/precisions/quantise.js'
import { rangeMethods } from '../../../../src/train/onnx/precisions/value-histogram.js'
import { inputSize, randomImages, randomNetwork } from '../random-network.js'

type Tensor = tfl.SymbolicTensor
const { layers } = tfl
const conv = (config: Partial<Parameters<typeof layers.conv2d>[0]> = {}) =>
  layers.conv2d({ filters: 8, kernelSize: 3, padding: 'same', ...config })

function chain(...steps: { apply(input: Tensor): unknown }[]): (input: Tensor) => Tensor {
  return (input) => steps.reduce((value, layer) => layer.apply(value) as Tensor, input)
}

/** Stem, a block with a projected shortcut, and one with an identity shortcut, as in a ResNet. */
function residual(input: Tensor): Tensor {
  const block = (x: Tensor, strides: number, projected: boolean) => {
    const inner = chain(
      conv({ kernelSize: 1 }),
      layers.batchNormalization({}),
      layers.reLU({}),
      conv({ strides }),
      layers.reLU({}),
      conv({ kernelSize: 1 }),
    )(x)
    const straight = projected ? (conv({ kernelSize: 1, strides }).apply(x) as Tensor) : x
    return layers.activation({ activation: 'relu' }).apply(layers.add({}).apply([inner, straight]) as Tensor) as Tensor
  }
  const stem = chain(
    conv({ strides: 2 }),
    layers.reLU({}),
    layers.maxPooling2d({ poolSize: 3, strides: 2, padding: 'same' }),
  )(input)
  return block(block(stem, 2, true), 1, false)
}

/** As in an EfficientNet: few values leave the first block, and many lie within it. */
const narrowing = chain(
  conv({ strides: 2 }),
  layers.reLU({ maxValue: 6 }),
  layers.depthwiseConv2d({ kernelSize: 3, padding: 'same' }),
  layers.reLU({ maxValue: 6 }),
  conv({ kernelSize: 1, filters: 4 }),
  conv({ kernelSize: 1 }),
  layers.reLU({ maxValue: 6 }),
  layers.depthwiseConv2d({ kernelSize: 3, padding: 'same' }),
  conv({ kernelSize: 1, filters: 4 }),
)

const bodies: Record<string, (input: Tensor) => Tensor> = {
  'residual blocks': residual,
  'a first block that narrows': narrowing,
  'depthwise, capped ReLU, a pool between': chain(
    conv(),
    conv(),
    layers.depthwiseConv2d({ kernelSize: 3, padding: 'same' }),
    layers.batchNormalization({}),
    layers.reLU({ maxValue: 6 }),
    layers.maxPooling2d({ poolSize: 2 }),
    conv({ kernelSize: 1, useBias: false }),
  ),
  'activations that stay in float': chain(
    conv(),
    conv({ activation: 'swish' }),
    layers.averagePooling2d({ poolSize: 2 }),
    conv({ activation: 'sigmoid' }),
  ),
}

const embeddingDimension = 6

async function embed(model: ModelProto): Promise<{ embeddings: Float32Array; dimension: number }> {
  const session = await openOnnx(encodeModel(model))
  const { embedding } = await session.run(Buffer.concat(randomImages()), inputSize)
  await session.close()
  return { embeddings: embedding, dimension: embeddingDimension }
}

async function quantised(model: ModelProto, method: (typeof rangeMethods)[number] = 'min-max'): Promise<ModelProto> {
  const { histograms, means } = await collectActivations(model, wanted(model, randomImages()))
  return quantise(model, { ranges: rangesBy(method, histograms), means })
}

const wanted = (model: ModelProto, images: readonly Uint8Array[]) => ({
  values: valuesToCalibrate(model),
  channels: channelsToAverage(model),
  images,
  size: inputSize,
})

/** The model as ONNX Runtime executes it. */
async function fused(model: ModelProto): Promise<ModelProto> {
  return decodeModel(await optimised(encodeModel(model), 'extended'))
}

function countOf({ node }: ModelProto['graph'], wanted: string): number {
  return node.filter(({ opType }) => opType === wanted).length
}

test('ranges and means do not depend on the number of threads', async () => {
  const model = decodeModel(convertNetwork(await randomNetwork(residual)))
  const images = randomImages(7)
  const [one, three, many] = await Promise.all(
    [1, 3, 100].map((threads) => collectActivations(model, { ...wanted(model, images), threads })),
  )
  for (const other of [three!, many!]) {
    assert.deepEqual(other.means, one!.means)
    for (const method of rangeMethods)
      assert.deepEqual(rangesBy(method, other.histograms), rangesBy(method, one!.histograms))
  }
  await assert.rejects(collectActivations(model, { ...wanted(model, images), values: ['nowhere'] }), /nowhere/)
})

test('kernel scales that are already known change nothing', async () => {
  const model = decodeModel(convertNetwork(await randomNetwork(residual)))
  const { histograms, means } = await collectActivations(model, wanted(model, randomImages()))
  const searched = new Map()
  for (const method of rangeMethods) {
    const calibration = { ranges: rangesBy(method, histograms), means }
    assert.deepEqual(quantise(model, calibration, searched), quantise(model, calibration))
  }
  assert.equal(searched.size, 7)
})

for (const [name, body] of Object.entries(bodies)) {
  test(`fp16 computes nearly the same: ${name}`, async () => {
    const model = decodeModel(convertNetwork(await randomNetwork(body)))
    const half = toHalfPrecision(model)
    const bytes = (of: ModelProto) => encodeModel(of).length
    assert.ok(bytes(half) < bytes(model))
    assert.ok(Math.min(...cosinesOf(await embed(model), await embed(half))) > 0.9999)

    const back = toSinglePrecision(half)
    assert.deepEqual(back.graph.node, model.graph.node)
    assert.deepEqual(toHalfPrecision(back), half)
  })

  test(`int8 computes about the same: ${name}`, async () => {
    const model = decodeModel(convertNetwork(await randomNetwork(body)))
    for (const method of rangeMethods)
      assert.ok(Math.min(...cosinesOf(await embed(model), await embed(await quantised(model, method)))) > 0.99, method)
  })
}

test('ONNX Runtime fuses the pairs of QuantizeLinear and DequantizeLinear into 8-bit kernels', async () => {
  const { graph } = await fused(await quantised(decodeModel(convertNetwork(await randomNetwork(residual)))))
  const count = (opType: string) => countOf(graph, opType)
  // seven convolutions after the one that reads the pixels, which stays in float, and two sums
  assert.deepEqual(
    [count('QLinearConv'), count('QLinearAdd'), count('Conv') + count('FusedConv'), count('Relu')],
    [7, 2, 1, 0],
  )
  // and the max-pool after it stays before the rounding
  const producerOf = (value: string | undefined) => graph.node.find(({ output }) => output.includes(value!))?.opType
  const pool = graph.node.find(({ opType }) => opType === 'MaxPool')
  assert.match(producerOf(pool?.input[0]) ?? '', /^(Fused)?Conv$/)
})

test('a first block that narrows stays in float, and rounds what leaves it', async () => {
  const { graph } = await fused(await quantised(decodeModel(convertNetwork(await randomNetwork(narrowing)))))
  assert.deepEqual([countOf(graph, 'QLinearConv'), countOf(graph, 'Conv') + countOf(graph, 'FusedConv')], [3, 3])
  const [rounding] = graph.node.filter(({ opType }) => opType === 'QuantizeLinear')
  const narrow = graph.node.find(({ output }) => output.includes(rounding!.input[0]!))
  assert.equal(graph.initializer.find(({ name }) => name === narrow?.input[1])?.dims[0], 4)
})

test('pixels with whole means are normalised by one node, others as in the exported graph', async () => {
  const network = await randomNetwork(residual)
  const fractions = { ...network, preprocessing: { ...network.preprocessing, mean: [120, 110.5, 100] } }
  const readers = async (of: TrainableNetwork) => {
    const { graph } = await quantised(decodeModel(convertNetwork(of)))
    const first = graph.node.findIndex(({ opType }) => opType === 'Conv')
    return graph.node
      .slice(0, first)
      .flatMap(({ opType, output }) => (output[0]!.startsWith('pixels/') ? [opType] : []))
  }
  assert.deepEqual(await readers(network), ['Transpose', 'DequantizeLinear'])
  assert.deepEqual(await readers(fractions), ['Transpose', 'Cast', 'Sub', 'Div'])
})

test('pixels, unit length and outputs stay in float32', async () => {
  const { graph } = toHalfPrecision(decodeModel(convertNetwork(await randomNetwork(residual))))
  const made = graph.node.flatMap(({ opType, output }) =>
    output.map((value) => ({ opType, half: value.endsWith('/half') })),
  )
  assert.deepEqual([...new Set(made.filter(({ half }) => half).map(({ opType }) => opType))].sort(), [
    'Add',
    'Cast',
    'Conv',
    'Gemm',
    'MaxPool',
    'Relu',
  ])
  assert.deepEqual(
    graph.output.map(({ type }) => type?.tensorType.elemType),
    [1, 1],
  )
})
