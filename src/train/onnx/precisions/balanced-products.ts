/**
 * Evens out the columns of tokens before they share the steps of 8 bits: a transformer has columns a hundred times as large as
 * others. Each is divided by a factor, and its weights are multiplied by it (Xiao et al. 2023, SmoothQuant).
 */
import type { Value } from '../graph-builder.js'
import type { ModelProto, NodeProto, TensorProto } from '../onnx-proto.js'
import type { ColumnSums } from './column-sums.js'
import { GraphFacts, tensor, withGraph } from './graph-facts.js'
import { own, plainNode } from './rounded-values.js'
import { type ProductInput, rowsOf, type TokenProduct } from './token-products.js'

/** A product whose weights have been multiplied by the factors of their columns. */
export interface BalancedProduct extends TokenProduct {
  /** [outputs, inputs]. */
  rows: Float32Array
}

export interface BalancedInput {
  /** Its columns evened out; the value itself where that gains nothing. */
  value: Value
  /** Of each column. */
  means: Float32Array
  products: BalancedProduct[]
}

export interface Balanced {
  /** In float32, with the nodes that divide; their weights are still those of the products. */
  model: ModelProto
  inputs: BalancedInput[]
}

/** Shares of the columns' ranges that the weights take over. */
const shares = [0, 0.25, 0.5, 0.75, 1]

export function balanceProducts(
  model: ModelProto,
  inputs: readonly ProductInput[],
  sums: ReadonlyMap<Value, ColumnSums>,
): Balanced {
  const facts = new GraphFacts(model)
  const constants: TensorProto[] = []
  const dividers = new Map<Value, NodeProto>()
  const balanced = inputs.map(({ value, products, width }): BalancedInput => {
    const sum = sums.get(value)!
    const weighed = products.map((product) => ({ ...product, rows: rowsOf(product, facts) }))
    const factors = bestFactors(sum, weighed)
    const means = Float32Array.from(sum.sum, (total, column) => total / sum.tokens / factors[column]!)
    if (factors.every((factor) => factor === 1)) return { value, means, products: weighed }
    const into = own(value, 'balanced')
    constants.push(
      tensor(
        own(value, 'factors'),
        'float32',
        [width],
        factors.map((factor) => 1 / factor),
      ),
    )
    dividers.set(value, plainNode('Mul', [value, own(value, 'factors')], into))
    const scaled = weighed.map((product) => ({
      ...product,
      rows: product.rows.map((weight, i) => weight * factors[i % width]!),
    }))
    return { value: into, means, products: scaled }
  })
  const nodes = model.graph.node.flatMap((node) => [node, ...node.output.flatMap((value) => dividers.get(value) ?? [])])
  return { model: withGraph(model, nodes, [...model.graph.initializer, ...constants]), inputs: balanced }
}

function bestFactors(sum: ColumnSums, products: readonly BalancedProduct[]): Float32Array {
  const width = sum.low.length
  const weights = columnsOf(products, width)
  const candidates = [new Float32Array(width).fill(1), ...shares.map((share) => factorsOf(sum, weights.largest, share))]
  return candidates
    .map((factors) => ({ factors, error: errorOf(factors, sum, products, weights.squares) }))
    .reduce((best, next) => (next.error < best.error ? next : best)).factors
}

function columnsOf(products: readonly BalancedProduct[], width: number) {
  const [largest, squares] = [new Float64Array(width), new Float64Array(width)]
  for (const { rows } of products)
    for (let i = 0, column = 0; i < rows.length; i++) {
      const size = Math.abs(rows[i]!)
      if (size > largest[column]!) largest[column] = size
      squares[column]! += size * size
      if (++column === width) column = 0
    }
  return { largest, squares }
}

function factorsOf({ low, high }: ColumnSums, largestWeights: Float64Array, share: number): Float32Array {
  return Float32Array.from(largestWeights, (weight, column) => {
    const reach = Math.max(-low[column]!, high[column]!)
    const factor = reach ** share / weight ** (1 - share)
    // a column that is always 0, or that nothing reads
    return Number.isFinite(factor) && factor > 1e-6 && factor < 1e6 ? factor : 1
  })
}

/** Expected squared error of the products: rounded values times exact weights, and exact values times rounded weights. */
function errorOf(
  factors: Float32Array,
  { low, high, sumOfSquares, tokens }: ColumnSums,
  products: readonly BalancedProduct[],
  squares: Float64Array,
): number {
  const width = factors.length
  let [lowest, highest, ofValues, spread] = [0, 0, 0, 0]
  for (let column = 0; column < width; column++) {
    const factor = factors[column]!
    lowest = Math.min(lowest, low[column]! / factor)
    highest = Math.max(highest, high[column]! / factor)
    ofValues += factor ** 2 * squares[column]!
    spread += sumOfSquares[column]! / tokens / factor ** 2
  }
  let ofWeights = 0
  for (const { rows } of products)
    for (let start = 0; start < rows.length; start += width) {
      let largest = 0
      for (let column = 0; column < width; column++)
        largest = Math.max(largest, Math.abs(rows[start + column]!) * factors[column]!)
      ofWeights += (largest / 127) ** 2
    }
  return (((highest - lowest) / 255) ** 2 * ofValues + ofWeights * spread) / 12
}
