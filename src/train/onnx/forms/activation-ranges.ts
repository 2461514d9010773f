/** Runs pictures through a graph with its inner values laid open, and collects their histograms and the means of their channels. */
import type { Value } from '../graph-builder.js'
import { elementTypes, encodeModel, type ModelProto } from '../onnx-proto.js'
import { openProbe } from '../onnx-session.js'
import { ValueHistogram, type RangeMethod, type ValueRange } from './value-histogram.js'

export interface ActivationFacts {
  histograms: ReadonlyMap<Value, ValueHistogram>
  /** Value → the mean of each of its channels. */
  means: ReadonlyMap<Value, Float32Array>
}

/**
 * One picture at a time: a ResNet-50 at 224 pixels lays open 45 MB of values for each.
 * @param channels values to average, with their channels
 * @param pictures each [size, size, 3]
 */
export async function collectActivations(model: ModelProto, values: readonly Value[], channels: ReadonlyMap<Value, number>, pictures: readonly Uint8Array[], size: number): Promise<ActivationFacts> {
  const histograms = new Map(values.map((value) => [value, new ValueHistogram()]))
  const means = new Map([...channels].map(([value, count]) => [value, new Float32Array(count)]))
  const probe = await openProbe(encodeModel(withOutputs(model, [...new Set([...values, ...channels.keys()])])))
  try {
    for (const pixels of pictures) {
      const outputs = await probe.run(pixels, size)
      for (const [value, histogram] of histograms) histogram.add(outputs.get(value)!)
      for (const [value, sums] of means) addMeans(sums, outputs.get(value)!, pictures.length)
    }
  } finally {
    await probe.close()
  }
  return { histograms, means }
}

/** @param map [1, channels, H, W] @param count of maps in all */
function addMeans(means: Float32Array, map: Float32Array, count: number): void {
  const area = map.length / means.length
  means.forEach((_, channel) => {
    const sum = map.subarray(channel * area, (channel + 1) * area).reduce((total, value) => total + value, 0)
    means[channel]! += sum / area / count
  })
}

export function rangesBy(method: RangeMethod, histograms: ReadonlyMap<Value, ValueHistogram>): Map<Value, ValueRange> {
  return new Map([...histograms].map(([value, histogram]) => [value, histogram.range(method)]))
}

function withOutputs(model: ModelProto, values: readonly Value[]): ModelProto {
  const output = values.map((name) => ({ name, type: { tensorType: { elemType: elementTypes.float32 } } }))
  return { ...model, graph: { ...model.graph, output } }
}
