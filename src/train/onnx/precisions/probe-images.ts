/** Runs some of the calibration pictures in one thread. */
import type { Value } from '../graph-builder.js'
import { openProbe } from '../onnx-session.js'
import { addTokens, type ColumnSums, noTokens } from './column-sums.js'
import { type HistogramState, ValueHistogram } from './value-histogram.js'

export interface ProbeTask {
  /** ONNX, with all requested values as outputs. */
  graph: Uint8Array
  /** Values to collect in histograms. */
  values?: readonly Value[] | undefined
  /** Values to average, with their number of channels. */
  channels?: ReadonlyMap<Value, number> | undefined
  /** Values to sum column by column, with the numbers of a token. */
  columns?: ReadonlyMap<Value, number> | undefined
  /** Each [size, size, 3]. */
  images: readonly Uint8Array[]
  size: number
}

export interface ProbedPart {
  histograms: ReadonlyMap<Value, HistogramState>
  /** Value → channel means per picture. */
  means: ReadonlyMap<Value, Float64Array[]>
  columns: ReadonlyMap<Value, ColumnSums>
}

/** Calls to a thread started with the task. */
export type ProbeCalls = { probe: { request: undefined; reply: ProbedPart } }

/** One picture at a time: a ResNet-50 at 224 pixels exposes 45 MB of values per picture. */
export async function probeImages({
  graph,
  values = [],
  channels = new Map(),
  columns = new Map(),
  images,
  size,
}: ProbeTask): Promise<ProbedPart> {
  const histograms = new Map(values.map((value) => [value, new ValueHistogram()]))
  const means = new Map([...channels.keys()].map((value): [Value, Float64Array[]] => [value, []]))
  const sums = new Map([...columns].map(([value, width]) => [value, noTokens(width)]))
  const probe = await openProbe(graph)
  try {
    for (const pixels of images) {
      const outputs = await probe.run(pixels, size)
      for (const [value, histogram] of histograms) histogram.add(outputs.get(value)!)
      for (const [value, rows] of means) rows.push(meansOf(outputs.get(value)!, channels.get(value)!))
      for (const [value, sum] of sums) addTokens(sum, outputs.get(value)!)
    }
  } finally {
    await probe.close()
  }
  return { histograms: new Map([...histograms].map(([value, { state }]) => [value, state])), means, columns: sums }
}

/** @param map [1, channels, H, W] */
function meansOf(map: Float32Array, channels: number): Float64Array {
  const area = map.length / channels
  return Float64Array.from({ length: channels }, (_, channel) => {
    let sum = 0
    for (let i = channel * area; i < (channel + 1) * area; i++) sum += map[i]!
    return sum / area
  })
}
