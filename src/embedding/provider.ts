/** Decides what runs the model: CUDA if it really works, otherwise the CPU, with the reason. */
import { AlikeError } from '../errors.js'
import { readGpus } from './gpu-readings.js'
import type { Model, Precision } from './model-manifest.js'
import { type ProviderOptions, planRuntime, type RuntimePlan } from './runtime-plan.js'
import { Session, SessionOpenError } from './session.js'
import type { Provider, SessionInfo } from './worker-protocol.js'

export interface ChosenRuntime {
  plan: RuntimePlan
  /** The first worker for each of the plan's `sessions`, already warm. */
  sessions: readonly Session[]
  /** Reported by the first of them. */
  info: SessionInfo
  /** Why the CPU is used although CUDA was expected. */
  fallbackReason?: string | undefined
  /** Why a slower precision is used than the folder contains. */
  precisionFallbackReason?: string | undefined
}

/** The choice in words, for `GET /v1/models` and the log. */
export interface RuntimeDescription {
  provider: Provider
  precision: Precision
  /** Why the CPU is used although CUDA was expected; absent if all is as configured. */
  fallbackReason?: string | undefined
  /** Why a slower precision is used than the folder contains; absent if the fastest is used. */
  precisionFallbackReason?: string | undefined
  workers: number
  /** Threads that run a picture that is alone; absent if that is done by a worker. */
  loneThreads?: number
  /** GPUs by number; absent on the CPU. */
  devices?: readonly number[] | undefined
  batchSizes: readonly number[]
  ortVersion: string
}

/** @throws AlikeError `cuda_unavailable`, `model_unreadable` */
export async function chooseRuntime(options: ProviderOptions): Promise<ChosenRuntime> {
  const reasons = [...(options.failed?.values() ?? [])]
  return {
    ...(await chooseProvider(options)),
    precisionFallbackReason: reasons.length > 0 ? reasons.join(' ') : undefined,
  }
}

async function chooseProvider(options: ProviderOptions): Promise<ChosenRuntime> {
  if (options.requireCuda && options.provider === 'cpu') {
    throw new AlikeError('cuda_unavailable', { detail: 'CUDA is required, but the provider is set to cpu.' })
  }
  if (options.provider === 'cpu') return openOnCpu(options)
  try {
    return await openOnCuda(options)
  } catch (error) {
    if (!(error instanceof SessionOpenError)) throw error
    const reason = firstLine(error.message)
    if (options.requireCuda) throw new AlikeError('cuda_unavailable', { detail: `Reason: ${reason}.`, cause: error })
    // With `auto`, a missing CUDA library is not a failure.
    const expected = options.provider === 'cuda' || !error.providerMissing
    return { ...(await openOnCpu(options)), fallbackReason: expected ? reason : undefined }
  }
}

async function openOnCpu(options: ProviderOptions): Promise<ChosenRuntime> {
  const plan = planRuntime('cpu', options)
  try {
    return { plan, ...(await openFirst(plan)) }
  } catch (cause) {
    throw new AlikeError('model_unreadable', {
      detail: `ONNX Runtime cannot run its ${plan.precision} file.`,
      cause,
    })
  }
}

/** @throws SessionOpenError if a GPU cannot be used, or if not even one worker fits into the memory it may use */
async function openOnCuda(options: ProviderOptions): Promise<ChosenRuntime> {
  const plan = planRuntime('cuda', options)
  const memoryMaxBytes = options.cuda?.memoryMaxBytes ?? 0
  if (memoryMaxBytes === 0) return { plan, ...(await openFirst(plan)) }
  const read = () => readGpus(plan.devices, options.cuda?.visibleDevices ?? '')
  const before = await read()
  const opened = await openFirst(plan)
  const after = await read()
  try {
    const taken = before && after?.map(({ usedBytes }, i) => usedBytes - before[i]!.usedBytes)
    const workers = plan.devices.length * workersWithin(memoryMaxBytes, taken, plan.workers / plan.devices.length)
    return { plan: { ...plan, workers }, ...opened }
  } catch (error) {
    await Promise.all(opened.sessions.map((session) => session.close()))
    throw error
  }
}

/**
 * How many of the wanted workers fit on each GPU. Batch sizes are fixed and all have been run, so a worker
 * never takes more memory later than right after it was opened.
 * @param taken bytes that the first worker uses on each GPU; undefined if unknown
 * @throws SessionOpenError if none fits
 */
export function workersWithin(maxBytes: number, taken: readonly number[] | undefined, wanted: number): number {
  if (taken === undefined)
    throw new SessionOpenError('the memory of the GPU is limited, and nvidia-smi does not tell how much is used', false)
  const most = Math.max(...taken)
  const fitting = most <= 0 ? wanted : Math.min(wanted, Math.floor(maxBytes / most))
  if (fitting < 1)
    throw new SessionOpenError(
      `one worker takes ${most} bytes of the GPU, and ${maxBytes} are allowed: fewer or smaller batch sizes take less`,
      false,
    )
  return fitting
}

/** All or none: the other GPUs do not make up for one that cannot be used. */
async function openFirst({ sessions }: RuntimePlan): Promise<{ sessions: Session[]; info: SessionInfo }> {
  const attempts = await Promise.allSettled(sessions.map((settings) => Session.open(settings)))
  const opened = attempts.flatMap((attempt) => (attempt.status === 'fulfilled' ? [attempt.value] : []))
  const failed = attempts.find((attempt) => attempt.status === 'rejected')
  if (failed !== undefined) {
    await Promise.all(opened.map(({ session }) => session.close()))
    throw failed.reason
  }
  return { sessions: opened.map(({ session }) => session), info: opened[0]!.info }
}

/** @throws AlikeError `model_unreadable` if the model is not the one that its manifest describes */
export function expectShapes({ manifest }: Model, { info }: ChosenRuntime): void {
  const fits = info.embeddingDimension === manifest.embeddingDimension && info.classCount === manifest.labels.length
  if (fits) return
  throw new AlikeError('model_unreadable', {
    detail: `The model returns ${info.embeddingDimension} dimensions and ${info.classCount} classes; manifest.json states ${manifest.embeddingDimension} and ${manifest.labels.length}.`,
  })
}

export function describeRuntime({
  plan,
  info,
  fallbackReason,
  precisionFallbackReason,
}: ChosenRuntime): RuntimeDescription {
  const { provider, precision, workers, devices, batchSizes } = plan
  return {
    provider,
    precision,
    workers,
    devices: provider === 'cuda' ? devices : undefined,
    batchSizes,
    ortVersion: info.ortVersion,
    fallbackReason,
    precisionFallbackReason,
  }
}

function firstLine(text: string): string {
  return (text.split('\n', 1)[0] ?? '').slice(0, 200)
}
