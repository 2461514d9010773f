/**
 * Converts an fp32 graph into an int8 graph for CPUs: static quantisation, written as pairs of QuantizeLinear and
 * DequantizeLinear around each node, which ONNX Runtime fuses into 8-bit kernels.
 */
import type { Value } from '../graph-builder.js'
import type { ModelProto, NodeProto, TensorProto } from '../onnx-proto.js'
import { leastErrorScales, quantiseKernel, type Steps, unsignedSteps } from './eight-bits.js'
import { GraphFacts, groupsOf, tensor, withGraph } from './graph-facts.js'
import { withPixelSteps } from './pixel-steps.js'
import { planQuantisation, type QuantisedNode } from './quantisation-plan.js'
import { own, plainNode, RoundedValues } from './rounded-values.js'
import type { ValueRange } from './value-histogram.js'

export interface Calibration {
  /** For every value named by `valuesToCalibrate`. */
  ranges: ReadonlyMap<Value, ValueRange>
  /** Channel means for every value named by `channelsToAverage`. */
  means: ReadonlyMap<Value, Float32Array>
}

/** Kernel scales by name; independent of the activation ranges. */
export type KernelScales = Map<Value, Float64Array>

/** @param searched known scales for the same weights; missing ones are computed and added */
export function quantise(
  exported: ModelProto,
  { ranges, means }: Calibration,
  searched: KernelScales = new Map(),
): ModelProto {
  const model = withPixelSteps(exported)
  const plan = planQuantisation(model)
  const facts = new GraphFacts(model)
  const stepsOf = (value: Value): Steps => {
    const range = ranges.get(plan.rangeOf.get(value) ?? value)
    if (range === undefined) throw new RangeError(`${value} was not calibrated`)
    return unsignedSteps(range)
  }
  const values = new RoundedValues({ plan, facts, stepsOf })
  const { nodes, constants } = values
  for (const node of model.graph.node) {
    if (plan.dropped.has(node)) continue
    const planned = plan.quantised.get(node)
    if (planned === undefined) {
      nodes.push(node)
      continue
    }
    const inputs = planned.inputs.map((value) => values.rounded(value))
    if (node.opType === 'Conv')
      inputs.push(...addKernel(planned, { facts, stepsOf, means, searched, nodes, constants }))
    nodes.push({ ...node, input: inputs, output: [own(planned.output, 'exact')] })
    // all readers, in 8 bits or not, find the rounded value under the old name
    values.round(own(planned.output, 'exact'), planned.output, planned.output)
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
  searched: KernelScales
  /** Appended to. */
  nodes: NodeProto[]
  constants: TensorProto[]
}

/** @returns names of kernel and bias, dequantised for the node to read */
function addKernel(node: QuantisedNode, parts: KernelParts): Value[] {
  const { dims, quantised, inputScale } = quantiseKernelOf(node, parts)
  const { values, scales, bias } = quantised
  const channels = [scales.length]
  const named = (part: string) => own(node.output, part)
  parts.constants.push(
    tensor(named('kernel-steps'), 'int8', dims, values),
    tensor(named('kernel-scale'), 'float32', channels, scales),
    tensor(named('kernel-zero'), 'int8', channels, new Int8Array(scales.length)),
    tensor(named('bias-steps'), 'int32', channels, bias),
    tensor(
      named('bias-scale'),
      'float32',
      channels,
      scales.map((scale) => scale * inputScale),
    ),
  )
  for (const [into, ...from] of [
    ['kernel', 'kernel-steps', 'kernel-scale', 'kernel-zero'],
    ['bias', 'bias-steps', 'bias-scale'],
  ] as const)
    parts.nodes.push(plainNode('DequantizeLinear', from.map(named), named(into), { axis: 0 }))
  return [named('kernel'), named('bias')]
}

function quantiseKernelOf({ node, inputs }: QuantisedNode, { facts, stepsOf, means, searched }: KernelParts) {
  const [, kernelName, biasName] = node.input
  const { dims } = facts.constants.get(kernelName!)!
  const kernel = { weights: facts.floats(kernelName)!, outputs: dims[0]!, inputs: dims[1]! }
  const inputScale = stepsOf(inputs[0]!).scale
  const inputMeans = means.get(inputs[0]!)
  const known = searched.get(kernelName!) ?? leastErrorScales(kernel)
  searched.set(kernelName!, known)
  const quantised = quantiseKernel({
    kernel,
    bias: facts.floats(biasName) ?? new Float32Array(kernel.outputs),
    inputScale,
    ...(inputMeans && { inputMeans }),
    groups: groupsOf(node),
    searched: known,
  })
  return { dims, quantised, inputScale }
}
