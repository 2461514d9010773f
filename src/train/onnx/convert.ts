/** Converts a trained network into an ONNX model, directly from its layers. */
import type { SymbolicTensor } from '@tensorflow/tfjs-layers'
import type { TrainableNetwork } from '../models/network.js'
import { addActivation, addRelu } from './activation.js'
import { addGemPooling } from './gem-layer.js'
import { GraphBuilder, type Value } from './graph-builder.js'
import { addCosineClassifier, addJoinedEmbedding, addL2Normalize, addUnitLength } from './head-layers.js'
import { addBatchNorm, addKernelLayer } from './kernel-layers.js'
import { callOf, countUses, type LayerCall, onlyInput, unsupported } from './layer-call.js'
import type { LayerContext } from './layer-context.js'
import { encodeModel } from './onnx-proto.js'
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
export function convertNetwork({
  model,
  preprocessing,
  embeddingDimension,
  labels,
  name,
}: TrainableNetwork): Uint8Array {
  const builder = new GraphBuilder()
  const { inputSize, mean, std } = preprocessing
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

  const [embedding, logits] = model.outputs
  if (embedding === undefined || logits === undefined)
    throw new RangeError('a network has two outputs, embedding and logits')
  const context = walk(builder, model.inputs[0]!, normalised, countUses(model))
  const isUnit = ['L2Normalize', 'JoinedEmbedding'].includes(callOf(embedding).kind)
  const unit = isUnit ? context.value(embedding) : addUnitLength(builder, 'unit', context.value(embedding))
  const outputs = [
    { name: 'embedding', value: unit, shape: ['N', embeddingDimension] },
    { name: 'logits', value: context.value(logits), shape: ['N', labels.length] },
  ]
  const map = addPlaceMap(context, embedding)
  if (map !== undefined)
    outputs.push({ name: 'map', value: map.value, shape: ['N', map.height, map.width, embeddingDimension] })
  return encodeModel(builder.build(name, outputs))
}

/** Converts on demand, from an output back to the input; every tensor once. */
function walk(
  builder: GraphBuilder,
  input: SymbolicTensor,
  inputValue: Value,
  uses: ReadonlyMap<number, number>,
): LayerContext {
  const values = new Map([[input.id, inputValue]])
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
  const context: LayerContext = { builder, value, uses: (tensor) => uses.get(tensor.id) ?? 0 }
  return context
}

function topOf(call: LayerCall): number | undefined {
  const { maxValue, negativeSlope, threshold } = call.layer.getConfig()
  if (Number(negativeSlope ?? 0) !== 0 || Number(threshold ?? 0) !== 0)
    throw unsupported(call, 'has a slope or threshold')
  return typeof maxValue === 'number' ? maxValue : undefined
}
