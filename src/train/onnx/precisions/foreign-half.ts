/**
 * Which nodes of an imported network compute in half precision: the products, and what lies between them. Roots, powers,
 * means and differences, of which other frameworks make their normalisation, stay in float32, together: ONNX Runtime
 * computes them as one.
 */

import type { Value } from '../graph-builder.js'
import { elementTypes, type ModelProto, type NodeProto } from '../onnx-proto.js'
import { collectActivations } from './activation-ranges.js'
import { GraphFacts, standardType, valuesReadBy } from './graph-facts.js'
import { toHalfPrecision } from './half-precision.js'
import { impossible } from './precision-gate.js'
import { plainNode } from './rounded-values.js'

/** Of float32 values by float32 weights, wherever they come from. */
const products = new Set(['Conv', 'Gemm', 'MatMul'])
/** Half if what they read is: all inputs are floats. */
const followers = new Set([
  ...[
    'Add',
    'Mul',
    'Concat',
    'Relu',
    'Clip',
    'LeakyRelu',
    'PRelu',
    'Elu',
    'HardSigmoid',
    'HardSwish',
    'Sigmoid',
    'Tanh',
  ],
  ...['Erf', 'Gelu', 'Softmax', 'LayerNormalization', 'MaxPool', 'AveragePool', 'GlobalAveragePool'],
  ...['Reshape', 'Transpose', 'Slice', 'Gather', 'Split', 'Squeeze', 'Unsqueeze', 'Flatten'],
])

/** A half reaches 65,504; other pictures may reach further than those that were seen. */
const largestHalf = 65_504 / 8
/** Below it a half loses digits, and below 2 ** -24 it is 0: a division by what was kept from 0 would be one by 0. */
const smallestHalf = 2 ** -14
/** What reaches this keeps its digits down to a sixteenth of it. */
const smallestReach = 16 * smallestHalf

/**
 * @param images each [size, size, 3]: no value that they reach is too large for a half, or too small
 * @throws AlikeError `precision_gate_failed` if nothing in the graph can be a half
 */
export async function foreignHalfPrecision(
  model: ModelProto,
  images: readonly Uint8Array[],
  size: number,
): Promise<ModelProto> {
  if (hasHalves(model)) throw impossible('fp16', 'it computes in half precision already')
  const values = [...foreignHalfNodes(model)].flatMap(({ output }) => output)
  if (values.length === 0) throw impossible('fp16', 'it has no convolutions or products')
  const reaches = await reachesOf(model, values, { images, size })
  const outside = values.filter((value) => !fitsHalf(reaches.get(value)!, smallestReach))
  const halves = foreignHalfNodes(model, new Set(outside))
  if (halves.size === 0) throw impossible('fp16', 'its values are too large or too small')
  return toHalfPrecision(model, halves)
}

/** Few pictures, and of a ViT-S a gigabyte for each thread. */
const threads = 2

/** Value → its number that is farthest from 0. The graph itself looks for it: the values of a picture take a gigabyte. */
async function reachesOf(
  model: ModelProto,
  values: readonly Value[],
  pictures: { images: readonly Uint8Array[]; size: number },
): Promise<Map<Value, number>> {
  const ends = values.map((value) => ['ReduceMin', 'ReduceMax'].map((opType) => overAll(opType, value)))
  const graph = { ...model.graph, node: [...model.graph.node, ...ends.flat()] }
  const outputs = ends.flat().flatMap(({ output }) => output)
  const { histograms } = await collectActivations({ ...model, graph }, { values: outputs, threads, ...pictures })
  const rangeOf = ({ output }: NodeProto) => histograms.get(output[0]!)!.range('min-max')
  return new Map(
    values.map((value, i) => [value, Math.max(...ends[i]!.map(rangeOf).flatMap(({ low, high }) => [-low, high]))]),
  )
}

function overAll(opType: string, value: Value): NodeProto {
  return plainNode(opType, [value], `reach/${value}/${opType}`, { keepdims: 0 })
}

/** @param outside values that halves do not hold */
function foreignHalfNodes(model: ModelProto, outside: ReadonlySet<Value> = new Set()): Set<NodeProto> {
  const facts = new GraphFacts(model)
  const found = new Set<NodeProto>()
  const halves = new Set<Value>()
  const behindUnitLength = new Set<Value>()
  for (const node of model.graph.node) {
    if (standardType(node) === 'LpNormalization' || valuesReadBy(node).some((value) => behindUnitLength.has(value))) {
      for (const value of node.output) behindUnitLength.add(value)
      continue
    }
    const fits =
      isHalf(node, halves, facts) &&
      node.output.every((value) => value !== '' && !outside.has(value)) &&
      node.input.every((value) => areHalves(facts.floats(value)))
    if (!fits) continue
    found.add(node)
    for (const value of node.output) halves.add(value)
  }
  return found
}

function isHalf(node: NodeProto, halves: ReadonlySet<Value>, facts: GraphFacts): boolean {
  const type = standardType(node) ?? ''
  const [first = '', second = ''] = node.input
  if (products.has(type)) return true
  // the second output of both is no float of the same kind
  if ((type === 'LayerNormalization' || type === 'MaxPool') && node.output.length > 1) return false
  if (type === 'Concat' || type === 'Add' || type === 'Mul') return node.input.some((value) => halves.has(value))
  if (type === 'Div') return halves.has(first) && facts.constants.has(second)
  return followers.has(type) && halves.has(first)
}

/** Of weights that are much smaller than the largest, the digits do not count. */
function areHalves(values: Float32Array = new Float32Array()): boolean {
  return fitsHalf(
    values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0),
    smallestHalf,
  )
}

/** @param reach of numbers on both sides of 0 */
const fitsHalf = (reach: number, smallest: number): boolean => reach === 0 || (reach >= smallest && reach < largestHalf)

/** Whether the graph has halves of its own, which are not told apart from ours. */
function hasHalves({ graph }: ModelProto): boolean {
  const toHalf = ({ opType, attribute }: NodeProto) =>
    opType === 'Cast' && attribute.some(({ name, i }) => name === 'to' && i === elementTypes.float16)
  return graph.initializer.some(({ dataType }) => dataType === elementTypes.float16) || graph.node.some(toHalf)
}
