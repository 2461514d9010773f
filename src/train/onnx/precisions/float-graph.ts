/** The graph of a network in float32: of its fp32 file or, where the folder lacks it, of its fp16 file. */
import { readFile } from 'node:fs/promises'
import { type Model, networkFile } from '../../../embedding/model-manifest.js'
import { importedArchitecture } from '../../weights/weight-format.js'
import { decodeModel, encodeModel, type ModelProto } from '../onnx-proto.js'
import { toSinglePrecision } from './half-precision.js'
import { normalForm } from './normal-form.js'

export interface FloatGraph {
  /** Of the file; fp16 rounds weights by 0.05 %. */
  source: 'fp32' | 'fp16'
  /** What precisions are made from. */
  graph: ModelProto
  /** What they are compared with: as served. */
  bytes: Uint8Array
}

/** @returns undefined if the folder has neither file; of an imported network, if it does not have the fp32 file */
export async function readFloatGraph(model: Model): Promise<FloatGraph | undefined> {
  const isImported = model.manifest.architecture === importedArchitecture
  const [fp32, fp16] = [networkFile(model, 'fp32'), networkFile(model, 'fp16')]
  if (fp32 !== undefined) {
    const bytes = await readFile(fp32)
    const { inputSize } = model.manifest.preprocessing
    return { source: 'fp32', graph: isImported ? await normalForm(bytes, inputSize) : decodeModel(bytes), bytes }
  }
  if (fp16 === undefined || isImported) return undefined
  const graph = toSinglePrecision(decodeModel(await readFile(fp16)))
  return { source: 'fp16', graph, bytes: encodeModel(graph) }
}
