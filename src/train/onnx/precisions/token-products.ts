/** The products of a transformer in 8 bits: lists of tokens, or places of a map, times constant weights. */
import type { Value } from '../graph-builder.js'
import type { ModelProto, NodeProto } from '../onnx-proto.js'
import { GraphFacts, numberOf, standardType } from './graph-facts.js'

/** A MatMul, or a Gemm with the same meaning. */
export interface TokenProduct {
  node: NodeProto
  /** [inputs, outputs], or [outputs, inputs] if transposed. */
  weights: Value
  inputs: number
  outputs: number
  isTransposed: boolean
}

/** Products that read the same value share its steps. */
export interface ProductInput {
  value: Value
  /** Numbers of a token. */
  width: number
  products: TokenProduct[]
}

export function tokenProducts(model: ModelProto): ProductInput[] {
  const facts = new GraphFacts(model)
  const found = new Map<Value, ProductInput>()
  for (const node of model.graph.node) {
    const product = productOf(node, facts)
    const value = node.input[0]
    if (product === undefined || value === undefined || facts.constants.has(value)) continue
    const same = found.get(value) ?? { value, width: product.inputs, products: [] }
    if (same.width === product.inputs) found.set(value, { ...same, products: [...same.products, product] })
  }
  return [...found.values()]
}

function productOf(node: NodeProto, facts: GraphFacts): TokenProduct | undefined {
  const type = standardType(node)
  const weights = node.input[1] ?? ''
  const isTransposed = type === 'Gemm' && numberOf(node, 'transB', 0) === 1
  const dims = facts.constants.get(weights)?.dims
  if ((type !== 'MatMul' && type !== 'Gemm') || dims?.length !== 2 || facts.floats(weights) === undefined)
    return undefined
  const isPlain =
    numberOf(node, 'transA', 0) === 0 && numberOf(node, 'alpha', 1) === 1 && numberOf(node, 'beta', 1) === 1
  if (!isPlain) return undefined
  const [inputs, outputs] = (isTransposed ? [...dims].reverse() : dims) as [number, number]
  const [, , bias = ''] = node.input
  if (bias !== '' && facts.constants.get(bias)?.dims.join() !== `${outputs}`) return undefined
  return { node, weights, inputs, outputs, isTransposed }
}

/** [outputs, inputs]: the weights of each output in a row. */
export function rowsOf({ weights, inputs, outputs, isTransposed }: TokenProduct, facts: GraphFacts): Float32Array {
  const values = facts.floats(weights)!
  return isTransposed ? values : transposed(values, inputs, outputs)
}

/** @param values [rows, columns] */
export function transposed<Values extends Float32Array | Int8Array>(
  values: Values,
  rows: number,
  columns: number,
): Values {
  const result = values.slice() as Values
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) result[column * rows + row] = values[row * columns + column]!
  return result
}
