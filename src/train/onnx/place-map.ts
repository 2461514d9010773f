/**
 * The `map` output: the contribution of each place in a picture to its embedding. [N, h, w, D]; the sum over the places
 * is the embedding, so the score of two pictures is the sum of the scores of their places.
 *
 * The branch reads feature maps and the constants of the main branch's dense layers. It consists of node types that
 * stay in float in every precision of the graph, and does not change the main branch.
 */
import type { SymbolicTensor } from '@tensorflow/tfjs-layers'
import type { Value } from './graph-builder.js'
import { addLength, joinArgsOf } from './head-layers.js'
import { callOf, type LayerCall, onlyInput } from './layer-call.js'
import type { LayerContext } from './layer-context.js'

export interface PlaceMap {
  value: Value
  height: number
  width: number
}

/** A vector that is linear in the mean of a feature map, before it is scaled to unit length. */
interface PooledVector {
  /** [N, H, W, C] in the layers. */
  features: SymbolicTensor
  vector: SymbolicTensor
  /** Size of the features. */
  height: number
  width: number
}

/**
 * Defined only if pooling is a plain mean, everything after it is linear up to the unit length (dense and batch-norm),
 * and the map of the instance part has a whole number of places per place of the last map. Otherwise a place has no
 * defined contribution: undefined.
 * @param embedding output of the model
 */
export function addPlaceMap(context: LayerContext, embedding: SymbolicTensor): PlaceMap | undefined {
  const joined = callOf(embedding).kind === 'JoinedEmbedding' ? callOf(embedding) : undefined
  const { posteriorShare = 0, instanceShare = 0 } = joined ? joinArgsOf(joined) : {}
  const [main, logits, instance] = joined?.inputs ?? [embedding]
  const last = pooledVector(context, main!)
  if (last === undefined) return undefined
  const { height, width } = last
  const early = instanceShare > 0 ? pooledVector(context, instance!) : undefined
  if (instanceShare > 0 && (early === undefined || early.height % height !== 0 || early.width % width !== 0))
    return undefined

  const parts = [
    addLinearPart(context, last, { name: 'map/class', share: 1 - posteriorShare - instanceShare, grid: last }),
  ]
  if (posteriorShare > 0) parts.push(addSpreadPart(context, joined!, logits!, last))
  if (early !== undefined)
    parts.push(addLinearPart(context, early, { name: 'map/instance', share: instanceShare, grid: last }))
  return { value: context.builder.add('Concat', 'map', parts, { axis: 3 }), height, width }
}

/** Matches mean over the map → dense → batch-norm → unit length; otherwise undefined. */
function pooledVector({ uses }: LayerContext, unit: SymbolicTensor): PooledVector | undefined {
  const chain = ['L2Normalize', 'BatchNormalization', 'Dense', 'GlobalAveragePooling2D']
  const calls: LayerCall[] = []
  let tensor = unit
  for (const kind of chain) {
    const call = callOf(tensor)
    if (call.kind !== kind || (call.layer.getConfig()['activation'] ?? 'linear') !== 'linear') return undefined
    calls.push(call)
    tensor = onlyInput(call)
  }
  // a value with other readers cannot be folded
  if (uses(calls[2]!.output) !== 1) return undefined
  const [, height, width] = tensor.shape
  if (typeof height !== 'number' || typeof width !== 'number') return undefined
  return { features: tensor, vector: onlyInput(calls[0]!), height, width }
}

interface Grid {
  height: number
  width: number
}

/** √share · (W·x + b) / (places · ‖vector‖) for each place: the mean over the places of W·x + b is the vector. */
function addLinearPart(
  context: LayerContext,
  { features, vector, height, width }: PooledVector,
  { name, share, grid }: { name: string; share: number; grid: Grid },
): Value {
  const { builder } = context
  const long = context.value(vector)
  const [, kernel, bias] = builder.producer(long)?.input ?? []
  const window = [height / grid.height, width / grid.width]
  const map = context.value(features)
  const pooled = window.every((side) => side === 1)
    ? map
    : builder.add('AveragePool', `${name}/pooled`, [map], { kernel_shape: window, strides: window })
  const products = builder.add('MatMul', `${name}/products`, [
    builder.add('Transpose', `${name}/places`, [pooled], { perm: [0, 2, 3, 1] }),
    kernel!,
  ])
  const factor = builder.floats(`${name}/factor`, Float32Array.of((grid.height * grid.width) / Math.sqrt(share)), [])
  const divisor = builder.add('Mul', `${name}/divisor`, [addLength(builder, name, long), factor])
  const byImage = builder.add('Reshape', `${name}/divisor/by-picture`, [
    divisor,
    builder.integers(`${name}/divisor/shape`, [-1, 1, 1, 1]),
  ])
  // each summand is divided separately: a sum without a length as input would be converted to half precision
  return builder.add('Add', name, [
    builder.add('Div', `${name}/linear`, [products, byImage]),
    builder.add('Div', `${name}/constant`, [bias!, byImage]),
  ])
}

/** The posterior belongs to the whole picture, so every place gets an equal part of it. */
function addSpreadPart(
  { builder, value }: LayerContext,
  joined: LayerCall,
  logits: SymbolicTensor,
  { height, width }: Grid,
): Value {
  const name = 'map/posterior'
  const [first, classes] = [joined.inputs[0]!.shape.at(-1)!, logits.shape.at(-1)!]
  const bounds = [[first], [first + classes], [1]].map((numbers, i) => builder.integers(`${name}/slice/${i}`, numbers))
  const roots = builder.add('Slice', `${name}/roots`, [value(joined.output), ...bounds])
  const part = builder.add('Mul', `${name}/part`, [
    roots,
    builder.floats(`${name}/part/factor`, Float32Array.of(1 / (height * width)), []),
  ])
  const byImage = builder.add('Reshape', `${name}/by-picture`, [
    part,
    builder.integers(`${name}/shape`, [-1, 1, 1, classes]),
  ])
  return builder.add('Expand', name, [byImage, builder.integers(`${name}/grid`, [1, height, width, 1])])
}
