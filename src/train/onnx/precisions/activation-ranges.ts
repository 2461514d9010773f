/** Runs pictures through a graph with its inner values exposed, and collects their histograms and channel means. */
import '../../../embedding/no-telemetry.js'
import { availableParallelism } from 'node:os'
import type { AlikeError } from '../../../errors.js'
import { CalledThread } from '../../../worker-calls/called-thread.js'
import type { Value } from '../graph-builder.js'
import { elementTypes, encodeModel, type ModelProto } from '../onnx-proto.js'
import { type ColumnSums, mergeSums, noTokens } from './column-sums.js'
import type { ProbeCalls, ProbedPart, ProbeTask } from './probe-images.js'
import { type RangeMethod, ValueHistogram, type ValueRange } from './value-histogram.js'

export interface ActivationFacts {
  histograms: ReadonlyMap<Value, ValueHistogram>
  /** Value → the mean of each of its channels. */
  means: ReadonlyMap<Value, Float32Array>
  columns: ReadonlyMap<Value, ColumnSums>
}

/** Each thread holds the network and all values of a picture: for a ResNet-50 at 224 pixels, 250 MB together. */
const maxThreads = 16
/** Of a large imported network each holds its bytes, its weights and its values. */
const maxBytes = 4e9

export interface ActivationOptions extends Omit<ProbeTask, 'graph'> {
  /** Threads that share the pictures; default: one per core. */
  threads?: number | undefined
}

/**
 * Independent of the number of threads, but for the last bits of column sums: counts are integers, and means are summed in
 * the order of the pictures.
 */
export async function collectActivations(
  model: ModelProto,
  {
    values = [],
    channels = new Map(),
    columns = new Map(),
    images,
    size,
    threads = availableParallelism(),
  }: ActivationOptions,
): Promise<ActivationFacts> {
  const graph = encodeModel(withOutputs(model, [...new Set([...values, ...channels.keys(), ...columns.keys()])]))
  const fitting = Math.max(1, Math.floor(maxBytes / (3 * graph.length)))
  const share = Math.ceil(images.length / Math.min(threads, maxThreads, fitting))
  const tasks = Array.from(
    { length: Math.ceil(images.length / share) },
    (_, part): ProbeTask => ({
      graph,
      values,
      channels,
      columns,
      size,
      images: images.slice(part * share, (part + 1) * share),
    }),
  )
  const parts = await Promise.all(tasks.map(probeInThread))

  const histograms = new Map(values.map((value) => [value, new ValueHistogram()]))
  for (const [value, histogram] of histograms) for (const part of parts) histogram.merge(part.histograms.get(value)!)
  const means = new Map([...channels].map(([value, count]) => [value, new Float32Array(count)]))
  for (const [value, sums] of means) {
    for (const mean of parts.flatMap((part) => part.means.get(value)!))
      sums.forEach((_, channel) => (sums[channel]! += mean[channel]! / images.length))
  }
  const sums = new Map([...columns].map(([value, width]) => [value, noTokens(width)]))
  for (const [value, sum] of sums) for (const part of parts) mergeSums(sum, part.columns.get(value)!)
  return { histograms, means, columns: sums }
}

async function probeInThread(task: ProbeTask): Promise<ProbedPart> {
  const thread = new CalledThread<ProbeCalls>({
    name: 'calibration',
    file: new URL('./probe-worker.js', import.meta.url),
    data: task,
    onFailure: () => {}, // its call rejects
  })
  try {
    return await thread.call('probe', undefined)
  } catch (error) {
    throw (error as AlikeError).cause // the reason is for whoever runs the command
  } finally {
    await thread.close()
  }
}

export function rangesBy(method: RangeMethod, histograms: ReadonlyMap<Value, ValueHistogram>): Map<Value, ValueRange> {
  return new Map([...histograms].map(([value, histogram]) => [value, histogram.range(method)]))
}

function withOutputs(model: ModelProto, values: readonly Value[]): ModelProto {
  const output = values.map((name) => ({ name, type: { tensorType: { elemType: elementTypes.float32 } } }))
  return { ...model, graph: { ...model.graph, output } }
}
