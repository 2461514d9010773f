/**
 * The model as ONNX Runtime sessions: one for all batch sizes on the CPU, one per size on CUDA. The only importer of
 * onnxruntime-node in the service; it must run in its own thread, because `open` and `run` block their event loop.
 */
import './no-telemetry.js'
import { env, InferenceSession, Tensor } from 'onnxruntime-node'
import { discard } from '../image/spent-bytes.js'
import { servedGraph } from './served-graph.js'
import type { PlaceValues, RunResult, SessionSettings } from './worker-protocol.js'

/** One ONNX Runtime session and the batch sizes it may run. */
interface ShapedSession {
  session: InferenceSession
  batchSizes: readonly number[]
}

export class OnnxModel {
  readonly #inputSize: number
  readonly #sessions: readonly ShapedSession[]

  private constructor(inputSize: number, sessions: readonly ShapedSession[]) {
    this.#inputSize = inputSize
    this.#sessions = sessions
  }

  /** @throws what ONNX Runtime throws, after releasing the sessions opened so far */
  static async open(settings: SessionSettings): Promise<OnnxModel> {
    env.logLevel = 'fatal' // failures reach the main thread as messages, not as coloured text on stderr
    const sessions: ShapedSession[] = []
    try {
      const graph = settings.map === true ? settings.modelPath : await servedGraph(settings.modelPath)
      for (const batchSizes of shapesOf(settings))
        sessions.push({ session: await openSession(graph, settings), batchSizes })
      // the thread allocates so little that its garbage collector would never come to it
      if (typeof graph !== 'string') discard(graph)
    } catch (error) {
      for (const { session } of sessions) await session.release()
      throw error
    }
    return new OnnxModel(settings.inputSize, sessions)
  }

  static get ortVersion(): string {
    return env.versions.node ?? env.versions.common
  }

  /**
   * @param pixels [batchSize, inputSize, inputSize, 3]
   * @throws Error for a size that no session was opened for
   */
  async run(pixels: Uint8Array<ArrayBuffer>, batchSize: number): Promise<RunResult> {
    const shaped = this.#sessions.find(({ batchSizes }) => batchSizes.includes(batchSize))
    if (shaped === undefined) throw new Error(`no session takes a batch of ${batchSize}`)
    const input = new Tensor('uint8', pixels, [batchSize, this.#inputSize, this.#inputSize, 3])
    const outputs = await shaped.session.run({ pixels: input })
    return {
      embeddings: floats(outputs, 'embedding', batchSize),
      logits: floats(outputs, 'logits', batchSize),
      map: placeValues(outputs, batchSize),
    }
  }

  async release(): Promise<void> {
    for (const { session } of this.#sessions) await session.release()
  }
}

/**
 * On CUDA a session that sees a different shape than in its last run plans each convolution again, which takes more
 * than a hundred milliseconds; so each size has its own session there. The weights are on the GPU once per session:
 * ONNX Runtime shares them only through allocators and containers that its Node binding does not expose.
 */
function shapesOf({ batchSizes, sessionPerBatchSize = false }: SessionSettings): readonly (readonly number[])[] {
  return sessionPerBatchSize ? batchSizes.map((size) => [size]) : [batchSizes]
}

function openSession(
  graph: string | Uint8Array,
  { provider, deviceId = 0, threads = 1 }: SessionSettings,
): Promise<InferenceSession> {
  const options: InferenceSession.SessionOptions = {
    // Of CUDA's options (memory limit, arena growth, algorithm search, graphs) the binding passes on only the
    // device, and from `extra` the provider reads none of them; docs/gpu.md describes what bounds memory instead.
    executionProviders: [provider === 'cuda' ? { name: 'cuda', deviceId } : provider],
    // One thread per worker: two sessions with one thread each outperform one with two, and more threads than
    // cores cost a third of the throughput. Parallelism comes from the number of workers.
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    logSeverityLevel: 4,
    // Weights are allocated outside the arena, which would otherwise grow by powers of two to hold them.
    ...(provider === 'cuda' && { extra: { session: { use_device_allocator_for_initializers: '1' } } }),
    // Threads that wait for each other sleep. Where they spin, they keep the one that they wait for off its core whenever
    // another thread needs one: alone they are a tenth faster, on a busy machine three times slower.
    ...(threads > 1 && { extra: { session: { intra_op: { allow_spinning: '0' } } } }),
  }
  return typeof graph === 'string' ? InferenceSession.create(graph, options) : InferenceSession.create(graph, options)
}

function placeValues({ map }: InferenceSession.ReturnType, batchSize: number): PlaceValues | undefined {
  if (map === undefined) return undefined
  const [images, height = 0, width = 0] = map.dims
  if (map.dims.length !== 4 || images !== batchSize || !(map.data instanceof Float32Array))
    throw new Error(`output map has the shape [${map.dims.join(', ')}] instead of [${batchSize}, h, w, n]`)
  return { values: map.data as Float32Array<ArrayBuffer>, height, width }
}

function floats(outputs: InferenceSession.ReturnType, name: string, batchSize: number): Float32Array<ArrayBuffer> {
  const output = outputs[name]
  if (output === undefined) throw new Error(`the graph has no output named ${name}`)
  if (output.dims.length !== 2 || output.dims[0] !== batchSize) {
    throw new Error(`output ${name} has the shape [${output.dims.join(', ')}] instead of [${batchSize}, n]`)
  }
  if (!(output.data instanceof Float32Array)) throw new Error(`output ${name} is not float32`)
  return output.data as Float32Array<ArrayBuffer>
}
