/**
 * Runs a model file in this process. For offline work only: a run blocks the event loop, so the service uses worker
 * threads instead.
 */
import '../../embedding/no-telemetry.js'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { withoutMap } from '../../embedding/served-graph.js'
import { elementTypes, type TensorProto } from './onnx-proto.js'

export interface OnnxOutputs {
  /** [N, D], rows of unit length. */
  embedding: Float32Array
  /** [N, C]. */
  logits: Float32Array
  /** [N, h, w, D]; only if the session was opened with it. */
  map?: Float32Array | undefined
}

export interface OnnxSession {
  /** @param pixels [N, size, size, 3], RGB, 0..255 */
  run(pixels: Uint8Array, size: number): Promise<OnnxOutputs>
  close(): Promise<void>
}

export interface OpenOptions {
  /** ONNX Runtime threads. Default 1. */
  threads?: number | undefined
  /** Also compute the `map` output, if the graph has one. Default false: as served. */
  map?: boolean | undefined
  /** Once it is aborted, every further run throws its reason. */
  stop?: AbortSignal | undefined
}

/** @param model path of a file, or its bytes */
export async function openOnnx(
  model: string | Uint8Array,
  { threads = 1, map = false, stop }: OpenOptions = {},
): Promise<OnnxSession> {
  const bytes = typeof model === 'string' ? await readFile(model) : model
  const session = await create(map ? bytes : withoutMap(bytes), threads)
  return {
    async run(pixels, size) {
      stop?.throwIfAborted()
      const shape = [pixels.length / (size * size * 3), size, size, 3]
      const outputs = await session.run({ pixels: new Tensor('uint8', pixels, shape) })
      const { embedding, logits } = outputs
      return {
        embedding: floatsOf(embedding),
        logits: floatsOf(logits),
        ...(outputs['map'] && { map: floatsOf(outputs['map']) }),
      }
    },
    close: () => session.release(),
  }
}

/** A session that returns every output of a graph. */
export interface OnnxProbe {
  /** @param pixels as for `OnnxSession` @returns float outputs by name */
  run(pixels: Uint8Array, size: number): Promise<Map<string, Float32Array>>
  close(): Promise<void>
}

export async function openProbe(model: Uint8Array, threads = 1): Promise<OnnxProbe> {
  const session = await create(model, threads)
  return {
    async run(pixels, size) {
      const outputs = await session.run({
        pixels: new Tensor('uint8', pixels, [pixels.length / (size * size * 3), size, size, 3]),
      })
      return new Map(Object.entries(outputs).map(([name, tensor]) => [name, floatsOf(tensor)]))
    },
    close: () => session.release(),
  }
}

/** A value of a graph, as a constant would hold it. */
export type ProbedTensor = Omit<TensorProto, 'name'>

/** Runs so many black pictures. @returns every output whose type we write, by name */
export async function runAll(model: Uint8Array, count: number, size: number): Promise<Map<string, ProbedTensor>> {
  const session = await create(model, 1)
  const outputs = await session.run({
    pixels: new Tensor('uint8', new Uint8Array(count * size * size * 3), [count, size, size, 3]),
  })
  await session.release()
  return new Map(
    Object.entries(outputs).flatMap(([name, { type, dims, data }]) => {
      if (!(type in elementTypes) || Array.isArray(data)) return []
      const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
      return [[name, { dims: [...dims], dataType: elementTypes[type as keyof typeof elementTypes], rawData }]]
    }),
  )
}

/**
 * The graph as ONNX Runtime simplifies it.
 * @param level `basic`: operators of the standard only, for every kind of hardware; `extended`: as the CPU runs it
 */
export async function optimised(model: Uint8Array, level: 'basic' | 'extended' = 'basic'): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), 'alike-optimised-'))
  try {
    const optimizedModelFilePath = join(folder, 'model.onnx')
    const session = await create(model, 1, { optimizedModelFilePath, graphOptimizationLevel: level })
    await session.release()
    return await readFile(optimizedModelFilePath)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function create(
  model: Uint8Array,
  threads: number,
  more: InferenceSession.SessionOptions = {},
): Promise<InferenceSession> {
  const options: InferenceSession.SessionOptions = {
    executionProviders: ['cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
    ...more,
  }
  return InferenceSession.create(model, options)
}

function floatsOf(tensor: Tensor | undefined): Float32Array {
  if (!(tensor?.data instanceof Float32Array)) throw new TypeError('the model has an output that is no float32')
  return tensor.data
}
