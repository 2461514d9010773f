/** Makes the smaller precisions of a network, each in the way of its kind. */
import type { Model, Precision } from '../../../embedding/model-manifest.js'
import { hasCode } from '../../../errors.js'
import { importedArchitecture } from '../../weights/weight-format.js'
import { encodeModel, type ModelProto } from '../onnx-proto.js'
import type { OnnxSession } from '../onnx-session.js'
import { foreignHalfPrecision } from './foreign-half.js'
import { toHalfPrecision } from './half-precision.js'
import { type Int8Network, makeInt8 } from './int8-network.js'

export type SmallerPrecision = Exclude<Precision, 'fp32'>

export interface MadePrecision {
  bytes: Uint8Array
  calibration?: Int8Network['calibration']
}

export interface MakingParts {
  model: Model
  /** In float32. */
  graph: ModelProto
  /** A session of it. */
  fp32: OnnxSession
  /** Training pictures, each [size, size, 3]; see `Int8Options`. */
  rangeImages: readonly Uint8Array[]
  choose: readonly Uint8Array[]
  log: (line: string) => void
}

/** @returns those that the network can have, and why it cannot have the others */
export async function makePrecisions(
  precisions: readonly SmallerPrecision[],
  parts: MakingParts,
): Promise<{ made: Map<SmallerPrecision, MadePrecision>; failures: string[] }> {
  const made = new Map<SmallerPrecision, MadePrecision>()
  const failures: string[] = []
  for (const name of precisions) {
    parts.log(`making ${name}`)
    try {
      made.set(name, await makePrecision(name, parts))
    } catch (error) {
      if (!hasCode(error, 'precision_gate_failed')) throw error
      failures.push(error.detail ?? name)
    }
  }
  return { made, failures }
}

/** Pictures that tell which values of an imported network a half holds. */
const reachImages = 16

async function makePrecision(
  name: SmallerPrecision,
  { model: { manifest }, graph, fp32, rangeImages, choose }: MakingParts,
): Promise<MadePrecision> {
  const { embeddingDimension, preprocessing } = manifest
  const { inputSize: size } = preprocessing
  const isImported = manifest.architecture === importedArchitecture
  if (name === 'int8')
    return makeInt8({ model: graph, fp32, size, embeddingDimension, isImported, calibrate: rangeImages, choose })
  const half = isImported
    ? await foreignHalfPrecision(graph, choose.slice(0, reachImages), size)
    : toHalfPrecision(graph)
  return { bytes: encodeModel(half) }
}
