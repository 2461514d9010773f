/** Values of a graph rounded to 8 bits and back: the nodes and constants that do so, each value once. */
import { type Attributes, attributesOf, type Value } from '../graph-builder.js'
import type { NodeProto, TensorProto } from '../onnx-proto.js'
import type { Steps } from './eight-bits.js'
import { type GraphFacts, tensor } from './graph-facts.js'
import type { QuantisationPlan } from './quantisation-plan.js'

export interface RoundedValuesOptions {
  plan: QuantisationPlan
  facts: GraphFacts
  /** The steps of a value's range. */
  stepsOf(value: Value): Steps
}

export class RoundedValues {
  /** Of the new graph, in order. */
  readonly nodes: NodeProto[] = []
  readonly constants: TensorProto[] = []
  readonly #options: RoundedValuesOptions
  readonly #madeIn8Bits: ReadonlySet<Value>
  /** Float values whose 8-bit version already exists. */
  readonly #twins = new Map<Value, Value>()

  constructor(options: RoundedValuesOptions) {
    this.#options = options
    this.#madeIn8Bits = new Set([...options.plan.quantised.values()].map(({ output }) => output))
  }

  /** @returns the name of the value in 8 bits */
  rounded(value: Value): Value {
    if (this.#madeIn8Bits.has(value)) return value
    const twin = this.#twins.get(value) ?? this.round(this.#held(value), own(value, 'rounded'), value)
    this.#twins.set(value, twin)
    return twin
  }

  /** Rounds `from` to 8 bits and back, with the steps of `name`. @returns `into` */
  round(from: Value, into: Value, name: Value): Value {
    const { scale, zeroPoint } = this.#options.stepsOf(name)
    const parameters = [own(name, 'scale'), own(name, 'zero')]
    this.constants.push(
      tensor(parameters[0]!, 'float32', [], Float32Array.of(scale)),
      tensor(parameters[1]!, 'uint8', [], Uint8Array.of(zeroPoint)),
    )
    this.nodes.push(
      plainNode('QuantizeLinear', [from, ...parameters], own(name, 'steps')),
      plainNode('DequantizeLinear', [own(name, 'steps'), ...parameters], into),
    )
    return into
  }

  /**
   * ONNX Runtime moves a rounding that follows a max-pool in front of it, and pools bytes 35 times slower than floats
   * (a quarter of the time of a ResNet-50). A node without effect separates the two: the absolute value of something
   * that a ReLU has made non-negative.
   */
  #held(value: Value): Value {
    const { plan, facts } = this.#options
    const pool = facts.producer(value)
    if (pool?.opType !== 'MaxPool' || plan.quantised.has(pool) || !isPositive(pool.input[0]!, facts)) return value
    this.nodes.push(plainNode('Abs', [value], own(value, 'held')))
    return own(value, 'held')
  }
}

function isPositive(value: Value, facts: GraphFacts): boolean {
  const producer = facts.producer(value)
  if (producer?.opType === 'Pad') return isPositive(producer.input[0]!, facts)
  return producer?.opType === 'Relu' || (producer?.opType === 'Clip' && facts.floats(producer.input[1])?.[0] === 0)
}

/** Name of a value added by quantisation; the layers' names never have this prefix. */
export function own(value: Value, part: string): Value {
  return `int8/${value}/${part}`
}

export function plainNode(opType: string, input: Value[], output: Value, attributes: Attributes = {}): NodeProto {
  // the node that produced a value keeps its name
  return { name: `${opType}:${output}`, opType, input, output: [output], attribute: attributesOf(attributes) }
}
