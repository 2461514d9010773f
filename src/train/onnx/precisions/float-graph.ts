/** The graph of a network in float32: of its fp32 file or, where the folder lacks it, of its fp16 file. */
import { readFile } from 'node:fs/promises'
import { type Model, networkFile } from '../../../embedding/model-manifest.js'
import { decodeModel, type ModelProto } from '../onnx-proto.js'
import { toSinglePrecision } from './half-precision.js'

export interface FloatGraph {
  /** Of the file; fp16 rounds weights by 0.05 %. */
  source: 'fp32' | 'fp16'
  graph: ModelProto
}

/** @returns undefined if the folder has neither file */
export async function readFloatGraph(model: Model): Promise<FloatGraph | undefined> {
  for (const source of ['fp32', 'fp16'] as const) {
    const file = networkFile(model, source)
    if (file === undefined) continue
    const stored = decodeModel(await readFile(file))
    return { source, graph: source === 'fp32' ? stored : toSinglePrecision(stored) }
  }
  return undefined
}
