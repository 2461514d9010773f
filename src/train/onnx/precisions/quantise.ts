/**
 * Converts an fp32 graph into an int8 graph for CPUs: static quantisation, written as pairs of QuantizeLinear and
 * DequantizeLinear around each node, which ONNX Runtime fuses into 8-bit kernels.
 */
import type { Value } from '../graph-builder.js'
import {
  type AttributeProto,
  attributeTypes,
  type ModelProto,
  type NodeProto,
  type TensorProto,
} from '../onnx-proto.js'
import { leastErrorScales, quantiseKernel, type Steps, unsignedSteps, type WeightBits } from './eight-bits.js'
import { GraphFacts, groupsOf, tensor, withGraph } from './graph-facts.js'
import { planQuantisation, type QuantisedNode } from './quantisation-plan.js'
import type { ValueRange } from './value-histogram.js'

export interface Calibration {
  /** For every value named by `valuesToCalibrate`. */
  ranges: ReadonlyMap<Value, ValueRange>
  /** Channel means for every value named by `channelsToAverage`. */
  means: ReadonlyMap<Value, Float32Array>
}

/** Kernel scales by name; independent of the activation ranges. */
export type KernelScales = Map<Value, Float64Array>

/** @param searched known scales for the same weights and bits; missing ones are computed and added */
export function quantise(
  model: ModelProto,
  { ranges, means }: Calibration,
  weightBits: WeightBits,
  searched: KernelScales = new Map(),
): ModelProto {
  const plan = planQuantisation(model)
  const facts = new GraphFacts(model)
  const stepsOf = (value: Value): Steps => {
    const range = ranges.get(plan.rangeOf.get(value) ?? value)
    if (range === undefined) throw new RangeError(`${value} was not calibrated`)
    return unsignedSteps(range)
  }
  const nodes: NodeProto[] = []
  const constants: TensorProto[] = []
  /** Float values whose 8-bit version already exists. */
  const twins = new Map<Value, Value>()

  /** Rounds `from` to 8 bits and back. @returns `into` */
  const round = (from: Value, into: Value, name: Value): Value => {
    const { scale, zeroPoint } = stepsOf(name)
    const parameters = [own(name, 'scale'), own(name, 'zero')]
    constants.push(
      tensor(parameters[0]!, 'float32', [], Float32Array.of(scale)),
      tensor(parameters[1]!, 'uint8', [], Uint8Array.of(zeroPoint)),
    )
    nodes.push(plainNode('QuantizeLinear', [from, ...parameters], own(name, 'steps')))
    nodes.push(plainNode('DequantizeLinear', [own(name, 'steps'), ...parameters], into))
    return into
  }
  /**
   * ONNX Runtime moves a rounding that follows a max-pool in front of it, and pools bytes 35 times slower than floats
   * (a quarter of the time of a ResNet-50). A node without effect separates the two: the absolute value of something
   * that a ReLU has made non-negative.
   */
  const held = (value: Value): Value => {
    const pool = facts.producer(value)
    if (pool?.opType !== 'MaxPool' || plan.quantised.has(pool) || !isPositive(pool.input[0]!, facts)) return value
    nodes.push(plainNode('Abs', [value], own(value, 'held')))
    return own(value, 'held')
  }
  const madeIn8Bits = new Set([...plan.quantised.values()].map(({ output }) => output))
  const rounded = (value: Value): Value => {
    if (madeIn8Bits.has(value)) return value
    const twin = twins.get(value) ?? round(held(value), own(value, 'rounded'), value)
    twins.set(value, twin)
    return twin
  }

  for (const node of model.graph.node) {
    if (plan.dropped.has(node)) continue
    const planned = plan.quantised.get(node)
    if (planned === undefined) {
      nodes.push(node)
      continue
    }
    const inputs = planned.inputs.map(rounded)
    if (node.opType === 'Conv')
      inputs.push(...addKernel(planned, { facts, stepsOf, means, weightBits, searched, nodes, constants }))
    nodes.push({ ...node, input: inputs, output: [own(planned.output, 'exact')] })
    // all readers, in 8 bits or not, find the rounded value under the old name
    round(own(planned.output, 'exact'), planned.output, planned.output)
  }
  return withGraph(model, nodes, [...model.graph.initializer, ...constants])
}

/** Values whose ranges quantisation needs. */
export function valuesToCalibrate(model: ModelProto): Value[] {
  return [...new Set(planQuantisation(model).rangeOf.values())]
}

/** Inputs of 8-bit convolutions → their number of channels. */
export function channelsToAverage(model: ModelProto): Map<Value, number> {
  const facts = new GraphFacts(model)
  const convolutions = [...planQuantisation(model).quantised.values()].filter(({ node }) => node.opType === 'Conv')
  return new Map(
    convolutions.map(({ node, inputs }) => [
      inputs[0]!,
      facts.constants.get(node.input[1]!)!.dims[1]! * groupsOf(node),
    ]),
  )
}

interface KernelParts {
  facts: GraphFacts
  stepsOf: (value: Value) => Steps
  means: Calibration['means']
  weightBits: WeightBits
  searched: KernelScales
  /** Appended to. */
  nodes: NodeProto[]
  constants: TensorProto[]
}

/** @returns names of kernel and bias, dequantised for the node to read */
function addKernel(
  { node, inputs, output }: QuantisedNode,
  { facts, stepsOf, means, weightBits, searched, nodes, constants }: KernelParts,
): Value[] {
  const [, kernelName, biasName] = node.input
  const kernel = facts.floats(kernelName)!
  const { dims } = facts.constants.get(kernelName!)!
  const bias = facts.floats(biasName) ?? new Float32Array(dims[0]!)
  const inputScale = stepsOf(inputs[0]!).scale
  const inputMeans = means.get(inputs[0]!)
  const known = searched.get(kernelName!) ?? leastErrorScales(kernel, bias.length, weightBits)
  searched.set(kernelName!, known)
  const {
    values,
    scales,
    bias: biasSteps,
  } = quantiseKernel({
    kernel,
    bias,
    inputScale,
    ...(inputMeans && { inputMeans }),
    groups: groupsOf(node),
    bits: weightBits,
    searched: known,
  })
  const channels = [scales.length]
  const named = (part: string) => own(output, part)
  constants.push(
    tensor(named('kernel-steps'), 'int8', dims, values),
    tensor(named('kernel-scale'), 'float32', channels, scales),
    tensor(named('kernel-zero'), 'int8', channels, new Int8Array(scales.length)),
    tensor(named('bias-steps'), 'int32', channels, biasSteps),
    tensor(
      named('bias-scale'),
      'float32',
      channels,
      scales.map((scale) => scale * inputScale),
    ),
  )
  const perOutput: AttributeProto[] = [{ name: 'axis', type: attributeTypes.int, i: 0 }]
  nodes.push(
    {
      ...plainNode(
        'DequantizeLinear',
        [named('kernel-steps'), named('kernel-scale'), named('kernel-zero')],
        named('kernel'),
      ),
      attribute: perOutput,
    },
    {
      ...plainNode('DequantizeLinear', [named('bias-steps'), named('bias-scale')], named('bias')),
      attribute: perOutput,
    },
  )
  return [named('kernel'), named('bias')]
}

function isPositive(value: Value, facts: GraphFacts): boolean {
  const producer = facts.producer(value)
  if (producer?.opType === 'Pad') return isPositive(producer.input[0]!, facts)
  return producer?.opType === 'Relu' || (producer?.opType === 'Clip' && facts.floats(producer.input[1])?.[0] === 0)
}

/** Name of a value added by quantisation; the layers' names never have this prefix. */
function own(value: Value, part: string): Value {
  return `int8/${value}/${part}`
}

function plainNode(opType: string, input: Value[], output: Value): NodeProto {
  // the node that produced a value keeps its name
  return { name: `${opType}:${output}`, opType, input, output: [output], attribute: [] }
}
