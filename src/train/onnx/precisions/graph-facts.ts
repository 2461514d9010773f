/** Producers and readers of each value in a graph, and the constants as numbers. */
import type { Value } from '../graph-builder.js'
import { elementTypes, isStandard, type ModelProto, type NodeProto, type TensorProto } from '../onnx-proto.js'

export class GraphFacts {
  readonly constants: ReadonlyMap<Value, TensorProto>
  readonly outputs: ReadonlySet<Value>
  readonly #producers = new Map<Value, NodeProto>()
  readonly #consumers = new Map<Value, NodeProto[]>()

  constructor({ graph }: Pick<ModelProto, 'graph'>) {
    this.constants = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]))
    this.outputs = new Set(graph.output.map(({ name }) => name))
    for (const node of graph.node) {
      for (const output of node.output) this.#producers.set(output, node)
      for (const input of valuesReadBy(node)) this.#consumers.set(input, [...this.consumers(input), node])
    }
  }

  /** The node that produces a value; undefined for inputs and constants. */
  producer(value: Value): NodeProto | undefined {
    return this.#producers.get(value)
  }

  consumers(value: Value): readonly NodeProto[] {
    return this.#consumers.get(value) ?? []
  }

  /** The only reader of a value that is not a graph output. */
  onlyConsumer(value: Value): NodeProto | undefined {
    const consumers = this.consumers(value)
    return consumers.length === 1 && !this.outputs.has(value) ? consumers[0] : undefined
  }

  /** A float32 constant; undefined if the value is not one. */
  floats(value: Value | undefined): Float32Array | undefined {
    const tensor = value === undefined ? undefined : this.constants.get(value)
    return tensor?.dataType === elementTypes.float32 ? floatsOf(tensor) : undefined
  }
}

/** Inputs of a node, and the values around it that its nested graphs read; perhaps also names of values within those. */
export function valuesReadBy({ input, attribute }: NodeProto): Value[] {
  const nested = attribute.flatMap(({ g, graphs = [] }) => (g === undefined ? graphs : [g, ...graphs]))
  if (nested.length === 0) return input
  return [
    ...input,
    ...nested.flatMap(({ node, output }) => [...node.flatMap(valuesReadBy), ...output.map(({ name }) => name)]),
  ]
}

/** The operator of ONNX that a node applies; undefined for one of another domain. */
export function standardType({ opType, domain }: NodeProto): string | undefined {
  return isStandard(domain) ? opType : undefined
}

/** An attribute of a node, or its default. */
export function numberOf({ attribute }: NodeProto, wanted: string, otherwise: number): number {
  const found = attribute.find(({ name }) => name === wanted)
  return found?.f ?? found?.i ?? otherwise
}

/** Groups of a convolution. */
export function groupsOf(convolution: NodeProto): number {
  return numberOf(convolution, 'group', 1)
}

/** Copied because the bytes of a decoded file are not aligned. */
export function floatsOf({ rawData, floatData = [] }: TensorProto): Float32Array {
  if (floatData.length > 0) return Float32Array.from(floatData)
  return new Float32Array(Uint8Array.from(rawData).buffer)
}

export function tensor(
  name: string,
  elementType: keyof typeof elementTypes,
  dims: readonly number[],
  values: ArrayBufferView,
): TensorProto {
  const rawData = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  return { name, dims: [...dims], dataType: elementTypes[elementType], rawData }
}

/** The model with other nodes and constants; unused constants are removed. */
export function withGraph(
  model: ModelProto,
  node: readonly NodeProto[],
  initializer: readonly TensorProto[],
): ModelProto {
  const read = new Set([...node.flatMap(valuesReadBy), ...model.graph.output.map(({ name }) => name)])
  return {
    ...model,
    graph: { ...model.graph, node: [...node], initializer: initializer.filter(({ name }) => read.has(name)) },
  }
}
