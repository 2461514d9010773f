/** Converts a trained network into an ONNX model, directly from its layers. */
import type { LayersModel, SymbolicTensor } from '@tensorflow/tfjs-layers'
import type { TrainableNetwork } from '../models/network.js'
import { addActivation, addRelu } from './activation.js'
import { addGemPooling } from './gem-layer.js'
import { GraphBuilder, type GraphOutput, type Value } from './graph-builder.js'
import { addCosineClassifier, addJoinedEmbedding, addL2Normalize, addUnitLength } from './head-layers.js'
import { addBatchNorm, addKernelLayer } from './kernel-layers.js'
import { callOf, countUses, type LayerCall, onlyInput, unsupported } from './layer-call.js'
import type { LayerContext } from './layer-context.js'
import { encodeModel, type ModelProto } from './onnx-proto.js'
import { addPlaceMap } from './place-map.js'
import { addFlatten, addGlobalPooling, addPooling, addSum, addZeroPadding } from './shape-layers.js'

/** Layers that are active only in training. */
const identity = (context: LayerContext, call: LayerCall) => context.value(onlyInput(call))

/** Layer class name → its converter. Other layers are refused. */
const converters: Record<string, (context: LayerContext, call: LayerCall) => Value> = {
  Conv2D: addKernelLayer,
  DepthwiseConv2D: addKernelLayer,
  Dense: addKernelLayer,
  BatchNormalization: addBatchNorm,
  Activation: ({ builder, value }, call) =>
    addActivation(builder, call, call.layer.getConfig().activation, value(onlyInput(call))),
  ReLU: ({ builder, value }, call) => addRelu(builder, call.layer.name, value(onlyInput(call)), topOf(call)),
  ZeroPadding2D: addZeroPadding,
  MaxPooling2D: (context, call) => addPooling(context, call, 'MaxPool'),
  AveragePooling2D: (context, call) => addPooling(context, call, 'AveragePool'),
  GlobalAveragePooling2D: (context, call) => addGlobalPooling(context, call, 'GlobalAveragePool'),
  GlobalMaxPooling2D: (context, call) => addGlobalPooling(context, call, 'GlobalMaxPool'),
  GemPooling: addGemPooling,
  Flatten: addFlatten,
  Add: addSum,
  Dropout: identity,
  L2Normalize: addL2Normalize,
  CosineClassifier: addCosineClassifier,
  JoinedEmbedding: addJoinedEmbedding,
}

/**
 * Graph: `pixels` uint8 [N, S, S, 3] → (x − mean) / std → layers → `embedding` [N, D] of unit length and `logits` [N,
 * C]; and, if it is defined, `map` [N, h, w, D], see `place-map.ts`.
 * The same network yields the same bytes: no timestamps are written, because the model id is their hash.
 * @throws AlikeError `export_layer_unsupported`.
 */
export function convertNetwork(network: TrainableNetwork): Uint8Array {
  const builder = new GraphBuilder()
  const { inputSize, mean, std } = network.preprocessing
  const pixels = builder.input('pixels', 'uint8', ['N', inputSize, inputSize, 3])
  const planes = builder.add(
    'Cast',
    'pixels/float',
    [builder.add('Transpose', 'pixels/planes', [pixels], { perm: [0, 3, 1, 2] })],
    { to: 1 },
  )
  const centred = builder.add('Sub', 'pixels/centred', [
    planes,
    builder.floats('pixels/mean', Float32Array.from(mean), [3, 1, 1]),
  ])
  const normalised = builder.add('Div', 'pixels/normalised', [
    centred,
    builder.floats('pixels/std', Float32Array.from(std), [3, 1, 1]),
  ])

  const { model, embeddingDimension } = network
  const context = walk(model, { builder, input: normalised, anyOpset: false })
  const outputs = outputsOf(network, context)
  const map = addPlaceMap(context, model.outputs[0]!)
  if (map !== undefined)
    outputs.push({ name: 'map', value: map.value, shape: ['N', map.height, map.width, embeddingDimension] })
  return encodeModel(builder.build(network.name, outputs))
}

/**
 * The layers after an encoder.
 * @param vectors [N, D], its outputs @param scale that the layers get them with
 * @returns nodes, constants and outputs; the nodes mean the same in all opsets from 11 on
 * @throws AlikeError `export_layer_unsupported`
 */
export function convertHead(network: TrainableNetwork, vectors: Value, scale: number): Partial<ModelProto['graph']> {
  const builder = new GraphBuilder()
  const factor = builder.floats('vectors/factor', Float32Array.of(scale), [])
  const shape = builder.integers('vectors/shape', [0, -1, 1, 1])
  const input = builder.add('Reshape', 'vectors', [builder.add('Mul', 'vectors/scaled', [vectors, factor]), shape])
  const context = walk(network.model, { builder, input, anyOpset: true })
  return builder.build(network.name, outputsOf(network, context)).graph
}

function outputsOf({ model, embeddingDimension, labels }: TrainableNetwork, context: LayerContext): GraphOutput[] {
  const [embedding, logits] = model.outputs
  if (embedding === undefined || logits === undefined)
    throw new RangeError('a network has two outputs, embedding and logits')
  const isUnit = ['L2Normalize', 'JoinedEmbedding'].includes(callOf(embedding).kind)
  const value = context.value(embedding)
  const unit = isUnit ? value : addUnitLength(context, 'unit', value)
  return [
    { name: 'embedding', value: unit, shape: ['N', embeddingDimension] },
    { name: 'logits', value: context.value(logits), shape: ['N', labels.length] },
  ]
}

/** Converts on demand, from an output back to the input; every tensor once. */
function walk(
  model: LayersModel,
  { input, ...given }: Pick<LayerContext, 'builder' | 'anyOpset'> & { input: Value },
): LayerContext {
  const uses = countUses(model)
  const values = new Map([[model.inputs[0]!.id, input]])
  const value = (tensor: SymbolicTensor): Value => {
    const known = values.get(tensor.id)
    if (known !== undefined) return known
    const call = callOf(tensor)
    const convert = converters[call.kind]
    if (convert === undefined) throw unsupported(call, `is not one of ${Object.keys(converters).join(', ')}`)
    const converted = convert(context, call)
    values.set(tensor.id, converted)
    return converted
  }
  const context: LayerContext = { ...given, value, uses: (tensor) => uses.get(tensor.id) ?? 0 }
  return context
}

function topOf(call: LayerCall): number | undefined {
  const { maxValue, negativeSlope, threshold } = call.layer.getConfig()
  if (Number(negativeSlope ?? 0) !== 0 || Number(threshold ?? 0) !== 0)
    throw unsupported(call, 'has a slope or threshold')
  return typeof maxValue === 'number' ? maxValue : undefined
}
