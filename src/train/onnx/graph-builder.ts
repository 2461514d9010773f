/** Collects the nodes and constants of an ONNX graph; values are identified by name. */
import {
  type AttributeProto,
  attributeTypes,
  elementTypes,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from './onnx-proto.js'

/** Name of a value inside the graph. */
export type Value = string

/** Integers, or lists of them; `{ float }` for a real number. */
export type Attributes = Record<string, number | readonly number[] | { float: number }>

export interface GraphOutput {
  name: string
  /** Must be produced by a node. */
  value: Value
  shape: readonly (number | string)[]
}

export class GraphBuilder {
  readonly #nodes: NodeProto[] = []
  readonly #constants: TensorProto[] = []
  readonly #inputs: ValueInfoProto[] = []
  readonly #taken = new Map<string, number>()

  /** @param shape strings are free dimensions */
  input(name: string, elementType: keyof typeof elementTypes, shape: readonly (number | string)[]): Value {
    this.#inputs.push(valueInfo(name, elementType, shape))
    return this.#unique(name)
  }

  /** Adds a node. @returns its only output */
  add(opType: string, name: string, inputs: readonly Value[], attributes: Attributes = {}): Value {
    const output = this.#unique(name)
    this.#nodes.push({
      name: output,
      opType,
      input: [...inputs],
      output: [output],
      attribute: attributesOf(attributes),
    })
    return output
  }

  /** The node that produces a value; undefined for inputs and constants. */
  producer(value: Value): NodeProto | undefined {
    return this.#nodes.find(({ output }) => output.includes(value))
  }

  floats(name: string, values: Float32Array, dims: readonly number[]): Value {
    if (values.length !== dims.reduce((product, dim) => product * dim, 1))
      throw new RangeError(`${name}: ${values.length} values do not fill ${dims}`)
    return this.#constant(name, elementTypes.float32, dims, values)
  }

  integers(name: string, values: readonly number[]): Value {
    return this.#constant(name, elementTypes.int64, [values.length], BigInt64Array.from(values, BigInt))
  }

  /** Builds the model and renames the outputs; no other value keeps those names. */
  build(graphName: string, outputs: readonly GraphOutput[]): ModelProto {
    const renamed = new Map<Value, string>(outputs.map(({ name }) => [name, this.#unique(`inner/${name}`)]))
    for (const { name, value } of outputs) renamed.set(value, name)
    const rename = (value: Value) => renamed.get(value) ?? value
    const node = this.#nodes.map((made) => ({
      ...made,
      input: made.input.map(rename),
      output: made.output.map(rename),
    }))
    const output = outputs.map(({ name, shape }) => valueInfo(name, 'float32', shape))
    return {
      // supported by every ONNX Runtime since 1.12
      irVersion: 8,
      opsetImport: [{ domain: '', version: 17 }],
      producerName: 'alike',
      graph: { name: graphName, node, initializer: this.#constants, input: this.#inputs, output },
    }
  }

  #constant(name: string, dataType: number, dims: readonly number[], values: Float32Array | BigInt64Array): Value {
    const unique = this.#unique(name)
    const rawData = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
    this.#constants.push({ name: unique, dims: [...dims], dataType, rawData })
    return unique
  }

  #unique(name: string): string {
    const count = this.#taken.get(name) ?? 0
    this.#taken.set(name, count + 1)
    return count === 0 ? name : `${name}#${count}`
  }
}

export function attributesOf(attributes: Attributes): AttributeProto[] {
  return Object.entries(attributes).map(([name, value]) => toAttribute(name, value))
}

function toAttribute(name: string, value: Attributes[string]): AttributeProto {
  if (typeof value === 'number') return { name, type: attributeTypes.int, i: value }
  if ('float' in value) return { name, type: attributeTypes.float, f: value.float }
  return { name, type: attributeTypes.ints, ints: [...value] }
}

function valueInfo(
  name: string,
  elementType: keyof typeof elementTypes,
  shape: readonly (number | string)[],
): ValueInfoProto {
  const dim = shape.map((size) => (typeof size === 'number' ? { dimValue: size } : { dimParam: size }))
  return { name, type: { tensorType: { elemType: elementTypes[elementType], shape: { dim } } } }
}
