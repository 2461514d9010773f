/**
 * Converts an fp32 graph into an fp16 graph for GPUs: weights and maps in half precision; everything small or sensitive
 * (pixels, normalisation, pooling, unit length, outputs) stays in float32. And back, with the weights as rounded.
 */
import { floatsToHalves, halvesToFloats } from '../../half-floats.js'
import type { Value } from '../graph-builder.js'
import { elementTypes, type ModelProto, type NodeProto, type TensorProto } from '../onnx-proto.js'
import { floatsOf, GraphFacts, tensor, valuesReadBy, withGraph } from './graph-facts.js'
import { plainNode } from './rounded-values.js'

/**
 * Operations on whole maps. Powers and means are excluded: the x³ of a generalised mean leaves the range of a half at x
 * = 40.
 */
const halfKinds = new Set(['Conv', 'Gemm', 'Relu', 'Clip', 'Add', 'Mul', 'Sigmoid', 'Tanh', 'MaxPool', 'Pad'])

/** @param isHalf the nodes that compute in half precision; default: those of a network that was exported here */
export function toHalfPrecision(model: ModelProto, isHalf: ReadonlySet<NodeProto> = halfNodes(model)): ModelProto {
  const facts = new GraphFacts(model)
  const halfName = halfNames(model)
  const nodes: NodeProto[] = []
  /** Constants read by half nodes, stored once: float nodes that read them too cast them back. */
  const halves = halfConstants([...isHalf], facts, halfName)
  const written = new Set<Value>()

  const cast = (from: Value, into: Value, to: number) => {
    if (written.has(into)) return
    written.add(into)
    nodes.push({ ...plainNode('Cast', [from], into, { to }), name: `${castPrefix}${into}` })
  }
  /** The half-precision version of an input of a half node; integers are unchanged. */
  const inHalf = (value: Value): Value => {
    if (value === '') return value // it is left out
    const constant = facts.constants.get(value)
    if (constant === undefined) {
      const producer = facts.producer(value)
      if (producer === undefined || !isHalf.has(producer)) cast(value, halfName(value), elementTypes.float16)
      return halfName(value)
    }
    return halves.has(value) ? halfName(value) : value
  }
  const inFloat = (value: Value): Value => {
    if (halves.has(value)) cast(halfName(value), value, elementTypes.float32)
    const producer = facts.producer(value)
    if (producer !== undefined && isHalf.has(producer)) cast(halfName(value), value, elementTypes.float32)
    return value
  }

  for (const node of model.graph.node) {
    if (isHalf.has(node)) {
      const isFloat = (index: number) => index === 0 || !indexed.has(node.opType)
      const input = node.input.map((value, index) => (isFloat(index) ? inHalf(value) : value))
      nodes.push({ ...node, input, output: node.output.map(halfName) })
      continue
    }
    valuesReadBy(node).forEach(inFloat) // those that nested graphs read too
    nodes.push(node)
  }
  for (const output of facts.outputs) inFloat(output)
  return withGraph(model, nodes, [
    ...model.graph.initializer.filter(({ name }) => !halves.has(name)),
    ...halves.values(),
  ])
}

/** The fp32 graph whose weights are those of the fp16 graph that `toHalfPrecision` made. */
export function toSinglePrecision(model: ModelProto): ModelProto {
  const floatName = (value: Value): Value => (value.endsWith(halfSuffix) ? value.slice(0, -halfSuffix.length) : value)
  const nodes = model.graph.node
    .filter(({ name }) => !name.startsWith(castPrefix))
    .map((node) => ({ ...node, input: node.input.map(floatName), output: node.output.map(floatName) }))
  const constants = model.graph.initializer.map((constant) =>
    constant.dataType === elementTypes.float16
      ? tensor(floatName(constant.name), 'float32', constant.dims, halvesToFloats(halvesOf(constant)))
      : constant,
  )
  return withGraph(model, nodes, constants)
}

/** Operators whose other inputs are integers. */
const indexed = new Set(['Reshape', 'Transpose', 'Slice', 'Gather', 'Split', 'Squeeze', 'Unsqueeze'])

const castPrefix = 'cast:'
const halfSuffix = '/half'

/** No value of the graph has such a name; of a network from elsewhere, one could end like ours. */
function halfNames({ graph }: ModelProto): (value: Value) => Value {
  const names = [...graph.initializer.map(({ name }) => name), ...graph.node.flatMap(({ output }) => output)]
  let suffix = halfSuffix
  while (names.some((name) => name.endsWith(suffix))) suffix += halfSuffix
  return (value) => `${value}${suffix}`
}

/** Copied because the bytes of a decoded file are not aligned. */
function halvesOf({ rawData }: TensorProto): Uint16Array {
  return new Uint16Array(Uint8Array.from(rawData).buffer)
}

function halfConstants(
  nodes: readonly NodeProto[],
  { constants }: GraphFacts,
  halfName: (value: Value) => Value,
): Map<Value, TensorProto> {
  const read = nodes.flatMap(({ input }) => input.map((value) => constants.get(value)))
  const floats = read.filter((constant) => constant?.dataType === elementTypes.float32) as TensorProto[]
  return new Map(
    floats.map((constant) => [
      constant.name,
      tensor(halfName(constant.name), 'float16', constant.dims, floatsToHalves(floatsOf(constant))),
    ]),
  )
}

/** Nodes of the types above, from the first kernel up to the unit length. */
function halfNodes({ graph }: ModelProto): Set<NodeProto> {
  const afterKernel = new Set<Value>()
  const afterLength = new Set<Value>()
  const found = new Set<NodeProto>()
  for (const node of graph.node) {
    const kernel =
      node.opType === 'Conv' || node.opType === 'Gemm' || node.input.some((value) => afterKernel.has(value))
    const length = node.opType === 'ReduceL2' || node.input.some((value) => afterLength.has(value))
    for (const output of node.output) {
      if (kernel) afterKernel.add(output)
      if (length) afterLength.add(output)
    }
    if (kernel && !length && halfKinds.has(node.opType)) found.add(node)
  }
  return found
}
