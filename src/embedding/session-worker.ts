/**
 * The thread that runs the model, one run at a time. It is a thread because opening and running block their event loop.
 */
import { setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { isCudaInstalled, missingLibrary } from './cuda-library.js'
import { OnnxModel } from './onnx-model.js'
import type { FromWorker, SessionSettings, ToWorker } from './worker-protocol.js'

const settings = workerData as SessionSettings
const port = parentPort
if (port === null) throw new Error('session-worker.ts runs only as a worker thread')

/** Niceness of a thread that runs the model on the CPU. */
const niceness = 5
// There it takes all the time of every core: decoding, searching and answering, which take little, go first. Niceness
// belongs to a thread on Linux alone; elsewhere it would be the whole process.
if (settings.provider === 'cpu' && process.platform === 'linux') setPriority(niceness)

/** Runs of a size after its first by which its time is told, on CUDA. */
const timedRuns = 3

let model: OnnxModel
try {
  if (settings.provider === 'cuda' && !isCudaInstalled()) {
    answer({ kind: 'open_failed', reason: 'the CUDA provider library is not installed', providerMissing: true })
  } else {
    model = await OnnxModel.open(settings)
    answer(await warmUp())
    port.on('message', (message: ToWorker) => void obey(message))
  }
} catch (error) {
  // Without a listener on the port nothing keeps this thread alive: it ends by itself.
  const missing = settings.provider === 'cuda' ? missingLibrary() : undefined
  answer({ kind: 'open_failed', reason: missing ?? reasonOf(error), providerMissing: false })
}

/** Runs every batch size once: the first run of a shape plans memory, on CUDA for about a second. */
async function warmUp(): Promise<FromWorker> {
  const startedAt = performance.now()
  const runMs: number[] = []
  let embeddingDimension = 0
  let classCount = 0
  let hasMap = false
  for (const batchSize of settings.batchSizes) {
    const pixels = new Uint8Array(batchSize * settings.inputSize ** 2 * 3)
    const { outputs, ms } = await timed(pixels, batchSize)
    embeddingDimension = outputs.embeddings.length / batchSize
    classCount = outputs.logits.length / batchSize
    hasMap = outputs.map !== undefined
    runMs.push(settings.provider === 'cuda' ? await shortestOf(timedRuns, pixels, batchSize) : ms)
  }
  return {
    kind: 'ready',
    ortVersion: OnnxModel.ortVersion,
    embeddingDimension,
    classCount,
    warmupMs: performance.now() - startedAt,
    runMs,
    hasMap,
  }
}

async function timed(pixels: Uint8Array<ArrayBuffer>, batchSize: number) {
  const startedAt = performance.now()
  const outputs = await model.run(pixels, batchSize)
  return { outputs, ms: performance.now() - startedAt }
}

async function shortestOf(runs: number, pixels: Uint8Array<ArrayBuffer>, batchSize: number): Promise<number> {
  let shortest = Infinity
  for (let i = 0; i < runs; i++) shortest = Math.min(shortest, (await timed(pixels, batchSize)).ms)
  return shortest
}

async function obey(message: ToWorker): Promise<void> {
  switch (message.kind) {
    case 'run':
      try {
        const { embeddings, logits, map } = await model.run(message.pixels, message.batchSize)
        answer({ kind: 'ran', embeddings, logits, map, pixels: message.pixels }, [
          embeddings.buffer,
          logits.buffer,
          message.pixels.buffer,
          ...(map === undefined ? [] : [map.values.buffer]),
        ])
      } catch (error) {
        answer({ kind: 'run_failed', reason: reasonOf(error), pixels: message.pixels }, [message.pixels.buffer])
      }
      return
    case 'close':
      await model.release()
      port?.close() // nothing is left to wait for, so the thread ends; never terminate(), which aborts the process
      return
    default:
      throw new Error(`unknown message ${JSON.stringify(message satisfies never)}`)
  }
}

function answer(message: FromWorker, transfer: ArrayBuffer[] = []): void {
  port?.postMessage(message, transfer)
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
