/** Pixels are 8-bit steps already: where their mean is whole, one DequantizeLinear normalises them instead of three nodes. */
import type { Value } from '../graph-builder.js'
import type { ModelProto, NodeProto } from '../onnx-proto.js'
import { GraphFacts, tensor, withGraph } from './graph-facts.js'
import { own, plainNode } from './rounded-values.js'

/** Shape of the means → the axis of the channels: planes, or pixels with three colours as imported networks have them. */
const axes: Record<string, number> = { '3,1,1': 1, '3': 3 }

/** @returns the model itself where the means of its channels are not whole numbers between 0 and 255 */
export function withPixelSteps(model: ModelProto): ModelProto {
  const facts = new GraphFacts(model)
  const inputs = new Set(model.graph.input.map(({ name }) => name))
  const arePixels = (value: Value): boolean => {
    const producer = facts.producer(value)
    return producer?.opType === 'Transpose' ? inputs.has(producer.input[0]!) : inputs.has(value)
  }
  for (const divide of model.graph.node) {
    const std = divide.opType === 'Div' ? facts.floats(divide.input[1]) : undefined
    const subtract = facts.producer(divide.input[0] ?? '')
    const mean = subtract?.opType === 'Sub' ? facts.floats(subtract.input[1]) : undefined
    const cast = facts.producer(subtract?.input[0] ?? '')
    const axis = axes[facts.constants.get(subtract?.input[1] ?? '')?.dims.join() ?? '']
    if (std?.length !== 3 || mean === undefined || axis === undefined) continue
    if (cast?.opType !== 'Cast' || !arePixels(cast.input[0]!)) continue
    if (mean.some((value) => !Number.isInteger(value) || value < 0 || value > 255)) continue
    const replaced = new Set<NodeProto | undefined>([cast, subtract])
    const [scale, zero] = [own('pixels', 'scale'), own('pixels', 'zero')]
    const normalise = plainNode('DequantizeLinear', [cast.input[0]!, scale, zero], divide.output[0]!, { axis })
    return withGraph(
      model,
      model.graph.node.filter((node) => !replaced.has(node)).map((node) => (node === divide ? normalise : node)),
      [
        ...model.graph.initializer,
        tensor(
          scale,
          'float32',
          [std.length],
          std.map((value) => 1 / value),
        ),
        tensor(zero, 'uint8', [mean.length], Uint8Array.from(mean)),
      ],
    )
  }
  return model
}
