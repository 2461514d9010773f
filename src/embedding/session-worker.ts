/**
 * The thread that runs the model, one run at a time. It is a thread because opening and running block their event loop.
 * It is never terminated, which would abort the process during a run: when asked to end, it releases the model and
 * exits.
 */
import { workerData } from 'node:worker_threads'
import { lowerThreadPriority } from '../niceness.js'
import { answerCalls, MovedReply } from '../worker-calls/answered-calls.js'
import { isCudaInstalled, missingLibrary } from './cuda-library.js'
import { OnnxModel } from './onnx-model.js'
import type { OpenFailure, SessionCalls, SessionInfo, SessionSettings } from './worker-protocol.js'

const settings = workerData as SessionSettings

// On the CPU it would otherwise take every core; decoding, searching and answering need little, so they go first.
if (settings.provider === 'cpu') lowerThreadPriority(5)

/** On CUDA, timed runs of each size, after the first one. */
const timedRuns = 3

let opened: OnnxModel | undefined

answerCalls<SessionCalls>(
  {
    open,
    async run({ pixels, batchSize }) {
      const result = await opened!.run(pixels, batchSize)
      const buffers = [result.embeddings.buffer, result.logits.buffer, pixels.buffer]
      if (result.map !== undefined) buffers.push(result.map.values.buffer)
      return new MovedReply({ result, pixels }, buffers)
    },
  },
  () => opened?.release(),
)

async function open(): Promise<{ info: SessionInfo } | { failure: OpenFailure }> {
  if (settings.provider === 'cuda' && !isCudaInstalled())
    return { failure: { reason: 'the CUDA provider library is not installed', providerMissing: true } }
  try {
    opened = await OnnxModel.open(settings)
    return { info: await warmUp(opened) }
  } catch (error) {
    const missing = settings.provider === 'cuda' ? missingLibrary() : undefined
    return { failure: { reason: missing ?? reasonOf(error), providerMissing: false } }
  }
}

/** Runs every batch size once: the first run of a shape plans memory, which takes about a second on CUDA. */
async function warmUp(model: OnnxModel): Promise<SessionInfo> {
  const startedAt = performance.now()
  const runMs: number[] = []
  let shape = { embeddingDimension: 0, classCount: 0, hasMap: false }
  for (const batchSize of settings.batchSizes) {
    const pixels = new Uint8Array(batchSize * settings.inputSize ** 2 * 3)
    const { outputs, ms } = await timed(model, pixels, batchSize)
    shape = {
      embeddingDimension: outputs.embeddings.length / batchSize,
      classCount: outputs.logits.length / batchSize,
      hasMap: outputs.map !== undefined,
    }
    runMs.push(settings.provider === 'cuda' ? await shortestOf(timedRuns, model, pixels, batchSize) : ms)
  }
  return { ortVersion: OnnxModel.ortVersion, ...shape, warmupMs: performance.now() - startedAt, runMs }
}

async function timed(model: OnnxModel, pixels: Uint8Array<ArrayBuffer>, batchSize: number) {
  const startedAt = performance.now()
  const outputs = await model.run(pixels, batchSize)
  return { outputs, ms: performance.now() - startedAt }
}

async function shortestOf(
  runs: number,
  model: OnnxModel,
  pixels: Uint8Array<ArrayBuffer>,
  batchSize: number,
): Promise<number> {
  let shortest = Infinity
  for (let i = 0; i < runs; i++) shortest = Math.min(shortest, (await timed(model, pixels, batchSize)).ms)
  return shortest
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
