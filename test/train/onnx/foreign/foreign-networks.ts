/** Small graphs as other frameworks export them, with random weights. */
import { seededRandom } from '../../../../src/eval/random.js'
import type { Preprocessing } from '../../../../src/image/preprocessing.js'
import { outputOf, readForeignGraph, wrapForeignGraph } from '../../../../src/train/onnx/foreign/foreign-graph.js'
import { type Attributes, GraphBuilder, type Value } from '../../../../src/train/onnx/graph-builder.js'
import { encodeModel, type ModelProto } from '../../../../src/train/onnx/onnx-proto.js'

export const side = 32
export const foreignPreprocessing: Preprocessing = {
  inputSize: side,
  resizeShortSide: side,
  fit: 'squash',
  kernel: 'linear',
  mean: [120, 110.5, 100],
  std: [60, 61, 62],
}

/** A graph under construction. */
export class ForeignBuilder extends GraphBuilder {
  readonly #random = seededRandom(5)

  /** Numbers between −reach and reach. */
  random(name: string, dims: readonly number[], reach: number, middle = 0): Value {
    const length = dims.reduce((product, dim) => product * dim, 1)
    return this.floats(
      name,
      Float32Array.from({ length }, () => middle + (this.#random() * 2 - 1) * reach),
      dims,
    )
  }

  conv(input: Value, [outputs, inputs, size]: [number, number, number], attributes: Attributes = {}): Value {
    const pads = Array<number>(4).fill(size >> 1)
    const kernel = this.random('kernel', [outputs, inputs, size, size], 1.6 / Math.sqrt(inputs * size * size))
    const bias = this.random('bias', [outputs], 0.3)
    return this.add('Conv', 'conv', [input, kernel, bias], { pads, ...attributes })
  }

  /** As PyTorch exports it in training mode: batch normalisation is a node of its own. */
  normalised(input: Value, channels: number): Value {
    const [scale, shift, mean] = [1, 0, 0].map((middle, i) => this.random(`bn${i}`, [channels], 0.4, middle))
    return this.add('BatchNormalization', 'bn', [
      input,
      scale!,
      shift!,
      mean!,
      this.random('variance', [channels], 0.5, 1),
    ])
  }

  number(value: number): Value {
    return this.floats('number', Float32Array.of(value), [])
  }
}

/** [N, 3, S, S] → [N, D]. */
export type Body = (builder: ForeignBuilder, planes: Value) => Value

export function foreignModel(body: Body, dimension: number): ModelProto {
  const builder = new ForeignBuilder()
  const value = body(builder, builder.input('input', 'float32', ['N', 3, side, side]))
  return builder.build('foreign', [{ name: 'vector', value, shape: ['N', dimension] }])
}

/** The graph as an import stores it. */
export function imported(model: ModelProto, preprocessing = foreignPreprocessing): Uint8Array {
  const graph = readForeignGraph(encodeModel(model))
  return wrapForeignGraph(graph, { preprocessing, output: outputOf(graph, undefined), pooling: undefined })
}

export const vectorOf = (builder: ForeignBuilder, map: Value): Value =>
  builder.add('Flatten', 'flat', [builder.add('GlobalAveragePool', 'average', [map])], { axis: 1 })

/** Normalised, capped, weighted by channel, narrowed and added, as in the MobileNets. */
export const mobile: Body = (b, planes) => {
  const cap = (value: Value) => b.add('Clip', 'capped', [value, b.number(0), b.number(6)])
  let map = cap(b.normalised(b.conv(planes, [8, 3, 3], { strides: [2, 2] }), 8))
  for (let block = 0; block < 3; block++) {
    const wide = cap(b.normalised(b.conv(map, [24, 8, 1]), 24))
    const deep = cap(b.normalised(b.conv(wide, [24, 1, 3], { group: 24 }), 24))
    const squeezed = b.add('Relu', 'squeezed', [b.conv(b.add('GlobalAveragePool', 'pooled', [deep]), [6, 24, 1])])
    const weight = b.add('HardSigmoid', 'weight', [b.conv(squeezed, [24, 6, 1])])
    const narrow = b.normalised(b.conv(b.add('Mul', 'weighted', [deep, weight]), [8, 24, 1]), 8)
    map = b.add('Add', 'sum', [map, narrow])
  }
  return vectorOf(b, b.add('HardSwish', 'swish', [b.conv(map, [40, 8, 1])]))
}

const width = 24
const tokens = (side / 8) ** 2

/** Patches with positions, and two blocks of attention and GELU. A column of its tokens is a hundred times as large as others. */
export const transformer: Body = (b, planes) => {
  const patches = b.conv(planes, [width, 3, 8], { strides: [8, 8], pads: [0, 0, 0, 0] })
  const rows = b.add('Reshape', 'rows', [patches, b.integers('shape', [0, width, -1])])
  const listed = b.add('Transpose', 'tokens', [rows], { perm: [0, 2, 1] })
  let list = b.add('Add', 'placed', [listed, positions(b)])
  for (let block = 0; block < 2; block++) {
    list = b.add('Add', 'attended', [list, attention(b, layerNorm(b, list))])
    const wide = linear(b, layerNorm(b, list), width, 2 * width)
    list = b.add('Add', 'fed', [list, linear(b, gelu(b, wide), 2 * width, width)])
  }
  return b.add('ReduceMean', 'mean', [layerNorm(b, list)], { axes: [1], keepdims: 0 })
}

/** Resized to the number of patches, in each run. */
function positions(b: ForeignBuilder): Value {
  const large = b.random('positions', [1, width, 3, 3], 0.5)
  const sizes = b.integers('sizes', [1, width, side / 8, side / 8])
  const resized = b.add('Resize', 'resized', [large, '', '', sizes])
  const rows = b.add('Reshape', 'rows', [resized, b.integers('shape', [1, width, tokens])])
  return b.add('Transpose', 'list', [rows], { perm: [0, 2, 1] })
}

function layerNorm(b: ForeignBuilder, list: Value): Value {
  const gains = Float32Array.from({ length: width }, (_, column) => (column === 3 ? 100 : 0.8 + 0.02 * column))
  return b.add('LayerNormalization', 'norm', [list, b.floats('gain', gains, [width]), b.random('shift', [width], 0.2)])
}

function linear(b: ForeignBuilder, list: Value, inputs: number, outputs: number): Value {
  const product = b.add('MatMul', 'product', [list, b.random('weights', [inputs, outputs], 1.2 / Math.sqrt(inputs))])
  return b.add('Add', 'sum', [b.random('bias', [outputs], 0.2), product])
}

function attention(b: ForeignBuilder, list: Value): Value {
  const [query, key, value] = [0, 1, 2].map(() => linear(b, list, width, width)) as [Value, Value, Value]
  const turned = b.add('Transpose', 'turned', [key], { perm: [0, 2, 1] })
  const scores = b.add('Mul', 'scores', [b.add('MatMul', 'alike', [query, turned]), b.number(0.001)])
  const weighed = b.add('MatMul', 'weighed', [b.add('Softmax', 'weights', [scores], { axis: -1 }), value])
  return linear(b, weighed, width, width)
}

function gelu(b: ForeignBuilder, value: Value): Value {
  const error = b.add('Erf', 'erf', [b.add('Div', 'scaled', [value, b.number(Math.SQRT2)])])
  const share = b.add('Add', 'share', [error, b.number(1)])
  return b.add('Mul', 'gelu', [b.add('Mul', 'half', [value, share]), b.number(0.5)])
}
