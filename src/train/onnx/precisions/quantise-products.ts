/** Writes the products of a transformer in 8 bits; what lies between them (normalisation, attention, GELU) stays in float32. */
import type { Value } from '../graph-builder.js'
import type { ModelProto, NodeProto, TensorProto } from '../onnx-proto.js'
import type { Balanced, BalancedProduct } from './balanced-products.js'
import { leastErrorScales, meanShifts, roundedKernel, unsignedSteps } from './eight-bits.js'
import { GraphFacts, standardType, tensor, withGraph } from './graph-facts.js'
import type { KernelScales } from './quantise.js'
import { own, plainNode, RoundedValues } from './rounded-values.js'
import { transposed } from './token-products.js'
import type { ValueRange } from './value-histogram.js'

/** @param searched known scales for the same weights; missing ones are computed and added */
export function quantiseProducts(
  { model, inputs }: Balanced,
  ranges: ReadonlyMap<Value, ValueRange>,
  searched: KernelScales = new Map(),
): ModelProto {
  const facts = new GraphFacts(model)
  const plan = { quantised: new Map(), dropped: new Set<NodeProto>(), rangeOf: new Map<Value, Value>() }
  const values = new RoundedValues({ plan, facts, stepsOf: (value) => unsignedSteps(ranges.get(value)!) })
  const { nodes, constants } = values
  const found = new Map(
    inputs.flatMap((input) => input.products.map((product) => [product.node, { input, product }] as const)),
  )
  /** Sums whose constant is corrected for the rounding before them. */
  const corrected = new Map<NodeProto, Value>()
  for (const node of model.graph.node) {
    const planned = found.get(node)
    if (planned === undefined) {
      const bias = corrected.get(node)
      nodes.push(bias === undefined ? node : { ...node, input: withBias(node, bias, facts) })
      continue
    }
    const kernel = addKernel(planned.product, { nodes, constants, searched })
    const shifts = meanShifts(kernel, kernel, planned.input.means)
    const bias = biasOf(planned.product, facts)
    if (bias !== undefined) {
      constants.push(
        tensor(
          own(kernel.output, 'bias'),
          'float32',
          bias.dims,
          bias.exact.map((x, i) => x - shifts[i]!),
        ),
      )
      if (bias.reader !== undefined) corrected.set(bias.reader, own(kernel.output, 'bias'))
    }
    const isGemm = node.opType === 'Gemm' && bias !== undefined
    const product = isGemm ? own(kernel.output, 'product') : kernel.output
    nodes.push(plainNode('MatMul', [values.rounded(planned.input.value), kernel.name], product))
    if (isGemm) nodes.push(plainNode('Add', [product, own(kernel.output, 'bias')], kernel.output))
  }
  return withGraph(model, nodes, [...model.graph.initializer, ...constants])
}

interface KernelParts {
  /** Appended to. */
  nodes: NodeProto[]
  constants: TensorProto[]
  searched: KernelScales
}

/** @returns the kernel in 8 bits, and the name of what dequantises it for the node to read */
function addKernel(product: BalancedProduct, { nodes, constants, searched }: KernelParts) {
  const { node, rows: weights, inputs, outputs } = product
  const output = node.output[0]!
  const exact = { weights, outputs, inputs }
  const scales = searched.get(output) ?? leastErrorScales(exact)
  searched.set(output, scales)
  const values = roundedKernel(exact, scales)
  const [name, ...parts] = ['kernel', 'kernel-steps', 'kernel-scale', 'kernel-zero'].map((part) =>
    own(output, part),
  ) as [Value, Value, Value, Value]
  constants.push(
    tensor(parts[0], 'int8', [inputs, outputs], transposed(values, outputs, inputs)),
    // weights that are all 0 can have any step size
    tensor(
      parts[1],
      'float32',
      [outputs],
      Float32Array.from(scales, (scale) => scale || 1),
    ),
    tensor(parts[2], 'int8', [outputs], new Int8Array(outputs)),
  )
  nodes.push(plainNode('DequantizeLinear', parts, name, { axis: 1 }))
  return { ...exact, scales, values, name, output }
}

/** The constant that is added to each token: of a Gemm itself, or of the sum that alone reads the product. */
function biasOf({ node, outputs }: BalancedProduct, facts: GraphFacts) {
  const reader = node.opType === 'Gemm' ? undefined : facts.onlyConsumer(node.output[0]!)
  if (node.opType !== 'Gemm' && (reader === undefined || standardType(reader) !== 'Add')) return undefined
  const constant = reader === undefined ? node.input[2] : reader.input.find((value) => facts.constants.has(value))
  const exact = facts.floats(constant)
  const isVector = exact?.length === outputs && facts.constants.get(constant!)!.dims.length === 1
  return isVector ? { exact, dims: [outputs], reader } : undefined
}

function withBias({ input }: NodeProto, bias: Value, facts: GraphFacts): Value[] {
  return input.map((value) => (facts.constants.has(value) ? bias : value))
}
