/**
 * A model's file as served: without its `map` output and everything computed only for it. ONNX Runtime computes every
 * output of a graph, requested or not: the map would cost each picture 3 % in fp32 and 6 % in int8. The file is edited
 * as bytes, because the service contains no ONNX library; the rest of it is unchanged.
 */
import { readFile } from 'node:fs/promises'
import { discard } from '../image/spent-bytes.js'
import { type Field, fieldsOf, nameIn, namesIn, tagOf } from './protobuf-fields.js'

/** The output that is not served. */
const optionalOutput = 'map'

/** Field numbers of onnx.proto. */
const fields = {
  modelGraph: 7,
  graphNode: 1,
  graphInitializer: 5,
  graphOutput: 12,
  nodeInput: 1,
  nodeOutput: 2,
  initializerName: 8,
  outputName: 1,
} as const

/**
 * @returns the path itself if there is nothing to strip, so that the runtime reads the file without a copy in memory
 */
export async function servedGraph(path: string): Promise<string | Uint8Array> {
  try {
    const file = await readFile(path)
    const served = withoutMap(file)
    discard(file)
    return served === file ? path : served
  } catch {
    // the runtime will report what is wrong with the file
    return path
  }
}

/**
 * @param model bytes of an ONNX file; returned unchanged if the graph has no such output
 * @throws RangeError if it is not such a file
 */
export function withoutMap<Bytes extends Uint8Array>(model: Bytes): Bytes | Uint8Array {
  const bytes = Buffer.from(model.buffer, model.byteOffset, model.byteLength)
  const whole = fieldsOf(bytes, 0, bytes.length)
  const graph = whole.find(({ number }) => number === fields.modelGraph)
  if (graph === undefined) return model
  const parts = fieldsOf(bytes, graph.from, graph.to)
  const isLeftOut = (part: Field) =>
    part.number === fields.graphOutput && nameIn(bytes, part, fields.outputName) === optionalOutput
  if (!parts.some(isLeftOut)) return model

  const needed = neededValues(bytes, parts, isLeftOut)
  const kept = parts.filter((part) => {
    if (part.number === fields.graphNode)
      return namesIn(bytes, part, fields.nodeOutput).some((name) => needed.has(name))
    if (part.number === fields.graphInitializer) return needed.has(nameIn(bytes, part, fields.initializerName))
    return !isLeftOut(part)
  })
  const body = kept.map(({ start, to }) => bytes.subarray(start, to))
  const length = body.reduce((sum, part) => sum + part.length, 0)
  const around = (from: number, to: number) => bytes.subarray(from, to)
  return Buffer.concat([
    around(0, graph.start),
    tagOf(fields.modelGraph, length),
    ...body,
    around(graph.to, bytes.length),
  ])
}

/** Values that the remaining outputs are computed from; nodes come after those that they read. */
function neededValues(bytes: Buffer, parts: readonly Field[], isLeftOut: (part: Field) => boolean): Set<string> {
  const outputs = parts.filter((part) => part.number === fields.graphOutput && !isLeftOut(part))
  const needed = new Set(outputs.map((part) => nameIn(bytes, part, fields.outputName)))
  for (const node of parts.filter(({ number }) => number === fields.graphNode).reverse()) {
    if (!namesIn(bytes, node, fields.nodeOutput).some((name) => needed.has(name))) continue
    for (const name of namesIn(bytes, node, fields.nodeInput)) needed.add(name)
  }
  return needed
}
