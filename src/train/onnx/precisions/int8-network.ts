/** Quantises a network to int8, choosing the ranges that keep its embeddings closest to fp32. */
import { availableParallelism } from 'node:os'
import type { ModelProto } from '../onnx-proto.js'
import { encodeModel, opsetOf } from '../onnx-proto.js'
import { type OnnxSession, openOnnx } from '../onnx-session.js'
import { collectActivations, rangesBy } from './activation-ranges.js'
import { balanceProducts } from './balanced-products.js'
import { cosinesOf, cpuTimes, impossible } from './precision-gate.js'
import { channelsToAverage, type KernelScales, quantise, valuesToCalibrate } from './quantise.js'
import { quantiseProducts } from './quantise-products.js'
import { type ProductInput, tokenProducts } from './token-products.js'
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
  /** Look for products of tokens too. Of our own networks the `map` alone has some, which are not served. Default false. */
  isImported?: boolean | undefined
  /** Training pictures, each [size, size, 3]: for determining ranges and for choosing between the range methods. */
  calibrate: readonly Uint8Array[]
  choose: readonly Uint8Array[]
}

/** @throws AlikeError `precision_gate_failed` if nothing in the graph can be computed in 8 bits */
export async function makeInt8(options: Int8Options): Promise<Int8Network> {
  const { fp32, size, embeddingDimension: dimension, calibrate, choose } = options
  const quantised = await quantiser(options)
  const embed = async (session: OnnxSession) => ({
    embeddings: await embedAll(session, choose, size, dimension),
    dimension,
  })
  const expected = await embed(fp32)

  const tried: { method: RangeMethod; bytes: Uint8Array; meanCosine: number }[] = []
  for (const method of rangeMethods) {
    const bytes = encodeModel(quantised(method))
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

type Quantiser = (method: RangeMethod) => ModelProto

/** Steps for each channel of the weights need this version of the operators; networks that are exported here have 17. */
const opsetMin = 13
const timedImages = 6

async function quantiser(options: Int8Options): Promise<Quantiser> {
  const opset = opsetOf(options.model)
  if (opset < opsetMin) throw impossible('int8', `it uses opset ${opset}, ${opsetMin} or later is needed`)
  const searched: KernelScales = new Map()
  const found = [await ofProducts(options, searched), await ofConvolutions(options, searched)].filter(
    (quantised) => quantised !== undefined,
  )
  if (found.length === 0)
    throw impossible('int8', 'it has no convolutions of maps or products of tokens with float32 weights')
  return found.length === 1 ? found[0]! : fasterOf(found, options)
}

/**
 * A network has both, or one is a small part of it. Only one is computed in 8 bits: of a ConvNeXt the products, because its
 * depthwise convolutions between them are slower than in float; of a ResNet that pools by attention the convolutions.
 */
async function fasterOf(found: readonly Quantiser[], { choose, size }: Int8Options): Promise<Quantiser> {
  const sessions = await Promise.all(found.map((quantised) => openOnnx(encodeModel(quantised('min-max')))))
  const times = await cpuTimes(sessions, choose.slice(0, timedImages), size)
  await Promise.all(sessions.map((session) => session.close()))
  return found[times.indexOf(Math.min(...times))]!
}

async function ofProducts(options: Int8Options, searched: KernelScales): Promise<Quantiser | undefined> {
  const products = await productsOfTokens(options)
  if (products.length === 0) return undefined
  const { model, calibrate: images, size } = options
  const { columns } = await collectActivations(model, { columns: widthsOf(products), images, size })
  const balanced = balanceProducts(model, products, columns)
  const values = balanced.inputs.map(({ value }) => value)
  const { histograms } = await collectActivations(balanced.model, { values, images, size })
  return (method) => quantiseProducts(balanced, rangesBy(method, histograms), searched)
}

async function ofConvolutions(
  { model, calibrate: images, size }: Int8Options,
  searched: KernelScales,
): Promise<Quantiser | undefined> {
  const channels = channelsToAverage(model)
  if (channels.size === 0) return undefined
  const values = valuesToCalibrate(model)
  const { histograms, means } = await collectActivations(model, { values, channels, images, size })
  return (method) => quantise(model, { ranges: rangesBy(method, histograms), means }, searched)
}

/** A picture has more tokens than this, or it is one that was pooled. */
const fewTokens = 8

async function productsOfTokens({ model, isImported, calibrate, size }: Int8Options): Promise<ProductInput[]> {
  const candidates = isImported === true ? tokenProducts(model) : []
  if (candidates.length === 0) return []
  const { columns } = await collectActivations(model, {
    columns: widthsOf(candidates),
    images: calibrate.slice(0, 1),
    size,
  })
  return candidates.filter(({ value }) => columns.get(value)!.tokens > fewTokens)
}

const widthsOf = (inputs: readonly ProductInput[]): Map<string, number> =>
  new Map(inputs.map(({ value, width }) => [value, width]))

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
