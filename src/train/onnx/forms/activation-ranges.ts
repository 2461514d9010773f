/** Runs pictures through a graph with its inner values laid open, and collects their histograms. */
import type { Value } from '../graph-builder.js'
import { elementTypes, encodeModel, type ModelProto } from '../onnx-proto.js'
import { openProbe } from '../onnx-session.js'
import { ValueHistogram, type RangeMethod, type ValueRange } from './value-histogram.js'

/**
 * One picture at a time: a ResNet-50 at 224 pixels lays open 45 MB of values for each.
 * @param pictures each [size, size, 3]
 */
export async function collectHistograms(model: ModelProto, values: readonly Value[], pictures: readonly Uint8Array[], size: number): Promise<Map<Value, ValueHistogram>> {
  const histograms = new Map(values.map((value) => [value, new ValueHistogram()]))
  const probe = await openProbe(encodeModel(withOutputs(model, values)))
  try {
    for (const pixels of pictures) {
      const outputs = await probe.run(pixels, size)
      for (const [value, histogram] of histograms) histogram.add(outputs.get(value)!)
    }
  } finally {
    await probe.close()
  }
  return histograms
}

export function rangesBy(method: RangeMethod, histograms: ReadonlyMap<Value, ValueHistogram>): Map<Value, ValueRange> {
  return new Map([...histograms].map(([value, histogram]) => [value, histogram.range(method)]))
}

function withOutputs(model: ModelProto, values: readonly Value[]): ModelProto {
  const output = values.map((name) => ({ name, type: { tensorType: { elemType: elementTypes.float32 } } }))
  return { ...model, graph: { ...model.graph, output } }
}
