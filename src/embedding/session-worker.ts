/**
 * The thread that runs the network: one ONNX Runtime session, one run at a time. The only importer
 * of onnxruntime-node. It lives in a thread because `create` and `run` block their event loop.
 */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { setPriority } from 'node:os'
import { join } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { InferenceSession, Tensor, env } from 'onnxruntime-node'
import type { FromWorker, SessionSettings, ToWorker } from './worker-protocol.js'

const settings = workerData as SessionSettings
const port = parentPort
if (port === null) throw new Error('session-worker.ts runs only as a worker thread')

/** Niceness of a thread that runs the network on the CPU. */
const niceness = 5
// There it takes all the time of every core: decoding, searching and answering, which take little, go first. Niceness
// belongs to a thread on Linux alone; elsewhere it would be the whole process.
if (settings.provider === 'cpu' && process.platform === 'linux') setPriority(niceness)

let session: InferenceSession
try {
  env.logLevel = 'fatal' // failures reach the main thread as messages, not as coloured text on stderr
  if (settings.provider === 'cuda' && !existsSync(cudaLibraryPath())) {
    answer({ kind: 'open_failed', reason: 'the CUDA provider library is not installed', providerMissing: true })
  } else {
    session = await openSession()
    answer(await warmUp())
    port.on('message', (message: ToWorker) => void obey(message))
  }
} catch (error) {
  // Without a listener on the port nothing keeps this thread alive: it ends by itself.
  answer({ kind: 'open_failed', reason: missingLibrary() ?? reasonOf(error), providerMissing: false })
}

/** Where the package's install script puts the one library that it does not carry itself. */
function cudaLibraryPath(): string {
  const entry = createRequire(import.meta.url).resolve('onnxruntime-node')
  return join(entry, '../../bin/napi-v6', process.platform, process.arch, 'libonnxruntime_providers_cuda.so')
}

/** ONNX Runtime only says that it could not load the CUDA library; the dynamic linker says what it lacks. */
function missingLibrary(): string | undefined {
  if (settings.provider !== 'cuda') return undefined
  try {
    process.dlopen({ exports: {} }, cudaLibraryPath())
  } catch (error) {
    // A library that loads is no Node addon either, which is another message and no reason.
    return /^\S+: cannot open shared object file/.exec(reasonOf(error))?.[0]
  }
  return undefined
}

function openSession(): Promise<InferenceSession> {
  return InferenceSession.create(settings.modelPath, {
    executionProviders: [settings.provider],
    // One thread a session: two sessions of one thread beat one of two, and more threads than
    // cores cost a third of the throughput. Parallelism comes from the number of workers.
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    logSeverityLevel: 4,
  })
}

/** Runs every batch size once: the first run of a shape plans memory, on CUDA for about a second. */
async function warmUp(): Promise<FromWorker> {
  const startedAt = performance.now()
  let embeddingDimension = 0
  let classCount = 0
  for (const batchSize of settings.batchSizes) {
    const pixels = new Uint8Array(batchSize * settings.inputSize ** 2 * 3)
    const outputs = await run(pixels, batchSize)
    embeddingDimension = outputs.embeddings.length / batchSize
    classCount = outputs.logits.length / batchSize
  }
  return {
    kind: 'ready',
    ortVersion: env.versions.node ?? env.versions.common,
    embeddingDimension,
    classCount,
    warmupMs: performance.now() - startedAt,
  }
}

async function obey(message: ToWorker): Promise<void> {
  switch (message.kind) {
    case 'run':
      try {
        const { embeddings, logits } = await run(message.pixels, message.batchSize)
        answer({ kind: 'ran', embeddings, logits, pixels: message.pixels }, [
          embeddings.buffer,
          logits.buffer,
          message.pixels.buffer,
        ])
      } catch (error) {
        answer({ kind: 'run_failed', reason: reasonOf(error), pixels: message.pixels }, [message.pixels.buffer])
      }
      return
    case 'close':
      await session.release()
      port?.close() // nothing is left to wait for, so the thread ends; never terminate(), which aborts the process
      return
    default:
      throw new Error(`unknown message ${JSON.stringify(message satisfies never)}`)
  }
}

async function run(pixels: Uint8Array<ArrayBuffer>, batchSize: number) {
  const { inputSize } = settings
  const outputs = await session.run({ pixels: new Tensor('uint8', pixels, [batchSize, inputSize, inputSize, 3]) })
  return { embeddings: floats(outputs, 'embedding', batchSize), logits: floats(outputs, 'logits', batchSize) }
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

function answer(message: FromWorker, transfer: ArrayBuffer[] = []): void {
  port?.postMessage(message, transfer)
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
