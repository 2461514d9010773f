/** Quantises a network to int8, choosing the ranges that keep its embeddings closest to fp32. */
import { availableParallelism } from 'node:os'
import type { ModelProto } from '../onnx-proto.js'
import { encodeModel } from '../onnx-proto.js'
import { type OnnxSession, openOnnx } from '../onnx-session.js'
import { collectActivations, rangesBy } from './activation-ranges.js'
import { cosinesOf } from './precision-gate.js'
import { channelsToAverage, type KernelScales, quantise, valuesToCalibrate } from './quantise.js'
import { type RangeMethod, rangeMethods } from './value-histogram.js'

export interface Int8Network {
  bytes: Uint8Array
  calibration: {
    pictures: number
    method: RangeMethod
    /** Mean cosine to fp32 on pictures not used for calibration. */
    meanCosines: Record<RangeMethod, number>
  }
}

export interface Int8Options {
  model: ModelProto
  fp32: OnnxSession
  size: number
  embeddingDimension: number
  /** Training pictures, each [size, size, 3]: for determining ranges and for choosing between the range methods. */
  calibrate: readonly Uint8Array[]
  choose: readonly Uint8Array[]
}

export async function makeInt8({
  model,
  fp32,
  size,
  embeddingDimension: dimension,
  calibrate,
  choose,
}: Int8Options): Promise<Int8Network> {
  const { histograms, means } = await collectActivations(model, {
    values: valuesToCalibrate(model),
    channels: channelsToAverage(model),
    images: calibrate,
    size,
  })
  const embed = async (session: OnnxSession) => ({
    embeddings: await embedAll(session, choose, size, dimension),
    dimension,
  })
  const expected = await embed(fp32)

  const searched: KernelScales = new Map()
  const tried: { method: RangeMethod; bytes: Uint8Array; meanCosine: number }[] = []
  for (const method of rangeMethods) {
    const bytes = encodeModel(quantise(model, { ranges: rangesBy(method, histograms), means }, searched))
    const session = await openOnnx(bytes, { threads: availableParallelism() })
    const cosines = cosinesOf(expected, await embed(session))
    await session.close()
    tried.push({ method, bytes, meanCosine: cosines.reduce((sum, value) => sum + value, 0) / cosines.length })
  }
  const best = tried.reduce((a, b) => (b.meanCosine > a.meanCosine ? b : a))
  const meanCosines = Object.fromEntries(tried.map(({ method, meanCosine }) => [method, meanCosine])) as Record<
    RangeMethod,
    number
  >
  return {
    bytes: best.bytes,
    calibration: { pictures: calibrate.length, method: best.method, meanCosines },
  }
}

async function embedAll(
  session: OnnxSession,
  images: readonly Uint8Array[],
  size: number,
  dimension: number,
): Promise<Float32Array> {
  const embeddings = new Float32Array(images.length * dimension)
  for (const [row, image] of images.entries())
    embeddings.set((await session.run(image, size)).embedding, row * dimension)
  return embeddings
}
