/** Smaller precisions of graphs that other frameworks exported. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../../../src/eval/random.js'
import { decodeModel, encodeModel, type ModelProto, type NodeProto } from '../../../../src/train/onnx/onnx-proto.js'
import { openOnnx, optimised } from '../../../../src/train/onnx/onnx-session.js'
import { foreignHalfPrecision } from '../../../../src/train/onnx/precisions/foreign-half.js'
import { makeInt8 } from '../../../../src/train/onnx/precisions/int8-network.js'
import { normalForm } from '../../../../src/train/onnx/precisions/normal-form.js'
import { cosinesOf } from '../../../../src/train/onnx/precisions/precision-gate.js'
import {
  type Body,
  type ForeignBuilder,
  foreignModel,
  foreignPreprocessing,
  imported,
  mobile,
  side,
  transformer,
  vectorOf,
} from '../foreign/foreign-networks.js'

const random = seededRandom(3)
/** Of one colour with some noise: as different from each other as photographs. */
const pictures = Array.from({ length: 24 }, () => {
  const colour = [0, 1, 2].map(() => random() * 200)
  return Uint8Array.from({ length: side * side * 3 }, (_, i) => colour[i % 3]! + random() * 55)
})

const networks: { what: string; body: Body; dimension: number }[] = [
  { what: 'a mobile network', body: mobile, dimension: 40 },
  { what: 'a transformer', body: transformer, dimension: 24 },
]

async function embed(bytes: Uint8Array, images: readonly Uint8Array[], dimension: number) {
  const session = await openOnnx(bytes)
  const { embedding } = await session.run(Buffer.concat(images), side)
  await session.close()
  return { embeddings: embedding, dimension }
}

async function int8Of(file: Uint8Array, embeddingDimension: number, images = pictures): Promise<Uint8Array> {
  const fp32 = await openOnnx(file)
  const model = await normalForm(file, side)
  const half = Math.ceil(images.length / 2)
  const parts = { calibrate: images.slice(0, half), choose: images.slice(-half) }
  const { bytes } = await makeInt8({ model, fp32, size: side, embeddingDimension, isImported: true, ...parts })
  await fp32.close()
  return bytes
}

async function fp16Of(file: Uint8Array): Promise<Uint8Array> {
  return encodeModel(await foreignHalfPrecision(await normalForm(file, side), pictures.slice(0, 4), side))
}

/** The smallest cosine to the embeddings of the file. */
async function smallestCosine(
  file: Uint8Array,
  smaller: Uint8Array,
  dimension: number,
  images = pictures,
): Promise<number> {
  const [exact, found] = await Promise.all([file, smaller].map((bytes) => embed(bytes, images, dimension)))
  return Math.min(...cosinesOf(exact!, found!))
}

const countOf = ({ graph }: ModelProto, wanted: string) => graph.node.filter(({ opType }) => opType === wanted).length

for (const { what, body, dimension } of networks) {
  test(`int8 computes about the same, and a picture the same in every batch: ${what}`, async () => {
    const file = imported(foreignModel(body, dimension))
    const int8 = await int8Of(file, dimension)
    const smallest = await smallestCosine(file, int8, dimension)
    assert.ok(smallest > 0.99 && smallest < 0.9999999, `${smallest}`)
    assert.ok(countOf(decodeModel(int8), 'QuantizeLinear') >= 8)

    const together = await embed(int8, pictures.slice(0, 5), dimension)
    for (const number of [0, 4]) {
      const alone = await embed(int8, [pictures[number]!], dimension)
      const row = together.embeddings.slice(number * dimension, (number + 1) * dimension)
      alone.embeddings.forEach((value, i) => assert.ok(Math.abs(value - row[i]!) < 1e-6, `${number} ${i}`))
    }
  })

  test(`fp16 computes nearly the same, with half the bytes: ${what}`, async () => {
    const file = imported(foreignModel(body, dimension))
    const fp16 = await fp16Of(file)
    const smallest = await smallestCosine(file, fp16, dimension)
    assert.ok(smallest > 0.9995 && smallest < 0.99999999, `${smallest}`)
    const weights = (model: ModelProto) =>
      model.graph.initializer.reduce((sum, { rawData }) => sum + (rawData?.length ?? 0), 0)
    assert.ok(weights(decodeModel(fp16)) < 0.6 * weights(await normalForm(file, side)))
  })
}

test('weights that an old form of the file lists as inputs are constants', async () => {
  const { graph, ...model } = foreignModel(mobile, 40)
  const listed = graph.initializer.map(({ name, dims, dataType }) => ({
    name,
    type: { tensorType: { elemType: dataType, shape: { dim: dims.map((dimValue) => ({ dimValue })) } } },
  }))
  const file = imported({ ...model, irVersion: 3, graph: { ...graph, input: [...graph.input, ...listed] } })
  const { irVersion, graph: read } = await normalForm(file, side)
  assert.deepEqual([irVersion >= 4, read.input.map(({ name }) => name)], [true, ['pixels']])
  assert.ok((await smallestCosine(file, await int8Of(file, 40), 40)) > 0.99)
})

test('products of tokens become 8-bit products with a float result; attention stays in float', async () => {
  const int8 = await int8Of(imported(foreignModel(transformer, 24)), 24)
  const fused = decodeModel(await optimised(int8, 'extended'))
  // per block: query, key, value, what attention returns, and two of the feed-forward part
  assert.deepEqual(
    [countOf(fused, 'MatMulIntegerToFloat'), countOf(fused, 'MatMul') + countOf(fused, 'FusedMatMul')],
    [12, 4],
  )
})

/** As in a ConvNeXt: products of the places of a map, and a depthwise convolution. */
const both: Body = (b, planes) => {
  const map = b.conv(planes, [16, 3, 3], { strides: [2, 2] })
  const deep = b.conv(map, [16, 1, 7], { group: 16 })
  const places = b.add('Transpose', 'places', [deep], { perm: [0, 2, 3, 1] })
  const wide = b.add('Relu', 'wide', [b.add('MatMul', 'product', [places, b.random('weights', [16, 64], 0.4)])])
  const narrow = b.add('MatMul', 'product', [wide, b.random('weights', [64, 16], 0.2)])
  return vectorOf(b, b.add('Add', 'sum', [map, b.add('Transpose', 'map', [narrow], { perm: [0, 3, 1, 2] })]))
}

test('of convolutions and products, only what is faster is computed in 8 bits', async () => {
  const file = imported(foreignModel(both, 16))
  const int8 = await int8Of(file, 16)
  const { graph } = decodeModel(int8)
  const kernels = new Set(
    graph.node.filter(({ opType }) => opType === 'DequantizeLinear').map(({ output }) => output[0]),
  )
  const in8Bits = new Set(graph.node.filter(({ input }) => kernels.has(input[1])).map(({ opType }) => opType))
  assert.equal(in8Bits.size, 1)
  assert.ok((await smallestCosine(file, int8, 16)) > 0.99)
})

test('a product that adds a constant itself is one in 8 bits, too', async () => {
  const gemm: Body = (b, planes) => {
    const map = b.conv(planes, [16, 3, 4], { strides: [4, 4], pads: [0, 0, 0, 0] })
    const places = b.add('Transpose', 'places', [map], { perm: [0, 2, 3, 1] })
    const list = b.add('Reshape', 'list', [places, b.integers('shape', [-1, 16])])
    const weights = [b.random('weights', [24, 16], 0.4), b.random('bias', [24], 0.3)]
    const added = b.add('Relu', 'cut', [b.add('Gemm', 'added', [list, ...weights], { transB: 1 })])
    const plain = b.add('Gemm', 'plain', [added, b.random('weights', [24, 16], 0.4)])
    const again = b.add('Reshape', 'again', [plain, b.integers('back', [-1, (side / 4) ** 2, 16])])
    return b.add('ReduceMean', 'mean', [again], { axes: [1], keepdims: 0 })
  }
  const file = imported(foreignModel(gemm, 16))
  const int8 = await int8Of(file, 16)
  assert.deepEqual([countOf(decodeModel(int8), 'Gemm'), countOf(decodeModel(int8), 'MatMul')], [0, 2])
  assert.ok((await smallestCosine(file, int8, 16)) > 0.99)
})

test('what rounding the weights adds on average is subtracted', async () => {
  const products: Body = (b, planes) => {
    const patches = b.conv(planes, [200, 3, 8], { strides: [8, 8], pads: [0, 0, 0, 0] })
    const rows = b.add('Reshape', 'rows', [patches, b.integers('shape', [0, 200, -1])])
    const list = b.add('Transpose', 'list', [rows], { perm: [0, 2, 1] })
    const product = b.add('MatMul', 'product', [list, b.random('weights', [200, 100], 1)])
    const sum = b.add('Add', 'sum', [product, b.random('bias', [100], 0.1)])
    return b.add('ReduceMean', 'mean', [sum], { axes: [1], keepdims: 0 })
  }
  const file = imported(foreignModel(products, 100))
  // of equal tokens, so that what is left is the rounding of their numbers
  const plain = [new Uint8Array(side * side * 3).fill(40)]
  const int8 = await int8Of(file, 100, plain)
  const smallest = await smallestCosine(file, int8, 100, plain)
  assert.ok(smallest > 0.99998, `${smallest}`)
})

test('columns that are much larger than others do not cost the others their steps', async () => {
  const file = imported(foreignModel(transformer, 24))
  const balanced = decodeModel(await int8Of(file, 24))
  const factors = balanced.graph.initializer.filter(({ name }) => name.endsWith('/factors'))
  const spread = factors.map(({ rawData }) => new Float32Array(Uint8Array.from(rawData).buffer)).map(spreadOf)
  assert.ok(Math.max(...spread) > 5, `${spread}`)
})

const spreadOf = (values: Float32Array): number => Math.max(...values) / Math.min(...values)

test('batch normalisation is folded, and positions are resized once', async () => {
  const kinds = async (body: Body, dimension: number) =>
    new Set((await normalForm(imported(foreignModel(body, dimension)), side)).graph.node.map(({ opType }) => opType))
  assert.ok(!(await kinds(mobile, 40)).has('BatchNormalization'))
  assert.ok(!(await kinds(transformer, 24)).has('Resize'))
})

/** Positions resized to the height that the picture has, repeated for each picture. */
const dependsOnBatch: Body = (b, planes) => {
  const shape = b.add('Shape', 'shape', [planes])
  const [zero, one, two, four] = [0, 1, 2, 4].map((i) => b.integers(`${i}`, [i])) as [string, string, string, string]
  const count = b.add('Slice', 'count', [shape, zero, one])
  const sizes = b.add('Concat', 'sizes', [b.integers('3', [1, 3]), b.add('Slice', 'hw', [shape, two, four])], {
    axis: 0,
  })
  const resized = b.add('Resize', 'resized', [b.random('places', [1, 3, 4, 4], 3), '', '', sizes])
  const counts = b.add('Concat', 'counts', [count, b.integers('1x', [3, 1, 1])], { axis: 0 })
  const repeated = b.add('Expand', 'repeated', [b.random('colour', [1, 3, 1, 1], 1), counts])
  const sum = b.add('Add', 'all', [b.add('Add', 'sum', [planes, resized]), repeated])
  return vectorOf(b, b.conv(sum, [8, 3, 3]))
}

test('what depends on the number of pictures is not folded, what depends on their size is', async () => {
  const file = imported(foreignModel(dependsOnBatch, 8))
  const model = await normalForm(file, side)
  assert.deepEqual([countOf(model, 'Resize'), countOf(model, 'Expand')], [0, 1])
  assert.ok((await smallestCosine(file, encodeModel(model), 8)) > 0.999999)
})

test('what nobody reads is left out', async () => {
  const model = foreignModel(mobile, 40)
  const [input] = model.graph.input
  model.graph.node.push({ name: 'idle', opType: 'Softsign', input: [input!.name], output: ['idle'], attribute: [] })
  assert.equal(countOf(await normalForm(imported(model), side), 'Softsign'), 0)
})

test('pixels with whole means are normalised by one node, colour by colour', async () => {
  const preprocessing = { ...foreignPreprocessing, mean: [0, 100, 128], std: [1, 60, 200] }
  const file = imported(foreignModel(mobile, 40), preprocessing)
  const int8 = await int8Of(file, 40)
  assert.equal(countOf(decodeModel(int8), 'Sub'), 0)
  assert.ok((await smallestCosine(file, int8, 40)) > 0.99)
})

/** A branch of the graph reads what a ReLU has cut off, and what it reads. */
function withBranch(b: ForeignBuilder, planes: string): string {
  const map = b.conv(b.conv(planes, [8, 3, 3], { strides: [2, 2] }), [8, 8, 3])
  return vectorOf(b, b.conv(b.add('Relu', 'cut', [map]), [8, 8, 1]))
}

function branch(reads: string, opType: string): ModelProto['graph'] {
  const node = [{ name: opType, opType, input: [reads], output: ['chosen'], attribute: [] }]
  return { name: opType, node, initializer: [], input: [], output: [{ name: 'chosen' }] }
}

test('values that nested graphs read stay as they are', async () => {
  const model = foreignModel(withBranch, 8)
  const { node } = model.graph
  const cut = node.findIndex(({ opType }) => opType === 'Relu')
  const [before] = node[cut]!.input as [string]
  // the first pixel decides, so that nothing of it is known in advance
  const positive: NodeProto[] = [
    {
      name: 'sum',
      opType: 'ReduceSum',
      input: [model.graph.input[0]!.name],
      output: ['total'],
      attribute: [{ name: 'keepdims', type: 2, i: 0 }],
    },
    { name: 'is', opType: 'IsNaN', input: ['total'], output: ['condition'], attribute: [] },
  ]
  const choice: NodeProto = {
    name: 'choice',
    opType: 'If',
    input: ['condition'],
    output: ['either'],
    attribute: [
      { name: 'then_branch', type: 5, g: branch(before, 'Abs') },
      { name: 'else_branch', type: 5, g: branch(before, 'Neg') },
    ],
  }
  const last = node.findIndex(({ opType }) => opType === 'GlobalAveragePool')
  const sum: NodeProto = {
    name: 'both',
    opType: 'Add',
    input: [node[last]!.input[0]!, 'either'],
    output: ['both'],
    attribute: [],
  }
  node[last] = { ...node[last]!, input: ['both'] }
  node.splice(last, 0, ...positive, choice, sum)
  const file = imported(model)
  assert.ok((await smallestCosine(file, await int8Of(file, 8), 8)) > 0.99)
  assert.ok((await smallestCosine(file, await fp16Of(file), 8)) > 0.9999)
})

test('values beyond the range of a half stay in float32', async () => {
  const far: Body = (b, planes) => {
    const times = (value: string, factor: number) =>
      b.add('Mul', 'times', [b.add('Relu', 'cut', [value]), b.number(factor)])
    const huge = times(times(b.conv(planes, [8, 3, 3]), 400), 400)
    return vectorOf(b, b.conv(times(times(huge, 1 / 400), 1 / 400), [8, 8, 1]))
  }
  const file = imported(foreignModel(far, 8))
  const fp16 = await fp16Of(file)
  assert.ok((await smallestCosine(file, fp16, 8)) > 0.999)
  // a CPU computes halves as float32, and so does not show what overflows: only the first product is small enough
  const products = decodeModel(fp16).graph.node.filter(({ opType }) => opType === 'Mul')
  assert.deepEqual(
    products.map(({ output }) => output[0]!.endsWith('/half')),
    [true, false, false, false],
  )
})

test('values and constants that are too small for a half stay in float32', async () => {
  const tiny: Body = (b, planes) => {
    const times = (value: string, factor: number) =>
      b.add('Mul', 'times', [b.add('Relu', 'cut', [value]), b.number(factor)])
    const small = times(times(b.conv(planes, [8, 3, 3]), 0.002), 1e-4)
    return vectorOf(b, times(small, 5e6))
  }
  const divided: Body = (b, planes) => {
    const map = b.conv(planes, [8, 3, 3])
    const nothing = b.add('Relu', 'cut', [b.add('Mul', 'negative', [b.add('Relu', 'cut', [map]), b.number(-1)])])
    const almost = b.add('Add', 'almost', [nothing, b.number(1e-12)])
    return vectorOf(b, b.add('Div', 'divided', [b.add('Mul', 'times', [map, almost]), almost]))
  }
  const names: string[][] = []
  for (const body of [tiny, divided]) {
    const file = imported(foreignModel(body, 8))
    const fp16 = await fp16Of(file)
    assert.ok((await smallestCosine(file, fp16, 8)) > 0.999)
    const { node } = decodeModel(fp16).graph
    const kinds = node.filter(({ opType }) => opType === 'Mul' || opType === 'Add')
    names.push(kinds.filter(({ output }) => output[0]!.endsWith('/half')).map(({ opType }) => opType))
  }
  // of the first the one that is large enough, of the second the one before the tiny constant
  assert.deepEqual(names, [['Mul'], ['Mul']])
})

test('a value of the file may have the name of the half of another one', async () => {
  const body: Body = (b, planes) => vectorOf(b, b.add('Softsign', 'soft', [b.conv(planes, [8, 3, 3])]))
  const model = foreignModel(body, 8)
  const { node } = model.graph
  const at = node.findIndex(({ opType }) => opType === 'Softsign')
  const name = `${node[at]!.input[0]}/half`
  node[at] = { ...node[at]!, output: [name] }
  node[at + 1] = { ...node[at + 1]!, input: [name] }
  const file = imported(model)
  assert.ok((await smallestCosine(file, await fp16Of(file), 8)) > 0.9999)
})

const refusals: { what: string; edit(model: ModelProto): void; body?: Body; int8?: RegExp; fp16?: RegExp }[] = [
  {
    what: 'of an old opset',
    edit: (model) => model.opsetImport.splice(0, 1, { domain: '', version: 12 }),
    body: (b, planes) => vectorOf(b, b.conv(b.conv(planes, [8, 3, 3]), [8, 8, 3])),
    int8: /^.*int8 cannot be made of it: it uses opset 12, 13 or later is needed$/,
  },
  {
    what: 'with nothing to compute in 8 bits',
    edit: () => {},
    body: (b, planes) => vectorOf(b, b.add('Relu', 'cut', [planes])),
    int8: /it has no convolutions of maps or products of tokens/,
    fp16: /fp16 cannot be made of it: it has no convolutions or products/,
  },
]
for (const { what, edit, body = mobile, int8, fp16 } of refusals)
  test(`a network is refused that is ${what}`, async () => {
    const model = foreignModel(body, 8)
    edit(model)
    const file = imported(model)
    const expected = (message: RegExp) => ({ code: 'precision_gate_failed', message })
    if (int8 !== undefined) await assert.rejects(int8Of(file, 8), expected(int8))
    if (fp16 !== undefined) await assert.rejects(fp16Of(file), expected(fp16))
  })

test('a network that computes in half precision already has no other, but one in 8 bits', async () => {
  const file = Buffer.from(await fp16Of(imported(foreignModel(mobile, 40))))
  const message = /fp16 cannot be made of it: it computes in half precision already/
  await assert.rejects(fp16Of(file), { code: 'precision_gate_failed', message })
  assert.ok((await smallestCosine(file, await int8Of(file, 40), 40)) > 0.99)
})
