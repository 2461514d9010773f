/** Decides what runs the model: CUDA if it really works, otherwise the CPU, with the reason. */
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { AlikeError } from '../errors.js'
import { readGpus } from './gpu-readings.js'
import { type Model, type Precision, precisions } from './model-manifest.js'
import { Session, SessionOpenError } from './session.js'
import type { Provider, SessionInfo, SessionSettings } from './worker-protocol.js'

export interface ProviderOptions {
  model: Model
  /**
   * `auto`: CUDA if its library is installed and works. `cuda`: the same, but a missing library is reported as a
   * fallback.
   */
  provider: 'auto' | 'cpu' | 'cuda'
  /** Refuse to start instead of running on the CPU. */
  requireCuda: boolean
  /** Worker threads, on CUDA per GPU; 0: one per core, on CUDA two. */
  workers: number
  /** Maximum batch size; 0: 4 on the CPU and the largest of `cuda.batchSizes` on CUDA. */
  maxBatch: number
  cuda?: CudaOptions | undefined
  /** Precisions that this machine computes wrongly, with the evidence; they are not chosen. */
  failed?: ReadonlyMap<Precision, string>
}

export interface CudaOptions {
  /** GPUs by number among those visible to CUDA; default 0. Each gets its own workers. */
  devices?: readonly number[] | undefined
  /** Batch sizes, each with its own session in every worker; see `cudaBatchSizes`. */
  batchSizes?: readonly number[] | undefined
  /** `CUDA_VISIBLE_DEVICES`, which maps `devices` to the GPUs of the machine; default none. */
  visibleDevices?: string | undefined
  /** Bytes of each GPU that all workers on it may use together; 0, the default: unlimited. */
  memoryMaxBytes?: number | undefined
}

/** docs/gpu.md has the results for other values. */
export const cudaBatchSizes: readonly number[] = [1, 4, 16, 64]

/** One copies while another computes. */
const workersPerGpu = 2

/** Everything that follows from the choice of a provider. */
export interface RuntimePlan {
  provider: Provider
  precision: Precision
  /** Total number of threads. */
  workers: number
  /** See `BatcherOptions.padded`. */
  padded: boolean
  /** See `BatcherOptions.sharers`. */
  sharers: number
  batchSizes: readonly number[]
  inputSize: number
  /** The GPUs; empty on the CPU. */
  devices: readonly number[]
  /** One per GPU, a single one on the CPU; the workers are distributed among them. */
  sessions: readonly SessionSettings[]
}

export interface ChosenRuntime {
  plan: RuntimePlan
  /** The first worker for each of the plan's `sessions`, already warm. */
  sessions: readonly Session[]
  /** Of the first of them. */
  info: SessionInfo
  /** Why the CPU is used although CUDA was expected. */
  fallbackReason?: string
  /** Why a slower precision is used than the folder contains. */
  precisionFallbackReason?: string
}

/** The choice in words, for `GET /v1/models` and the log. */
export interface RuntimeDescription {
  provider: Provider
  precision: Precision
  /** Why the CPU is used although CUDA was expected; absent if all is as configured. */
  fallbackReason?: string
  /** Why a slower precision is used than the folder contains; absent if the fastest is used. */
  precisionFallbackReason?: string
  workers: number
  /** GPUs by number; absent on the CPU. */
  devices?: readonly number[]
  batchSizes: readonly number[]
  ortVersion: string
}

/** @throws AlikeError `cuda_unavailable`, `model_unreadable` */
export async function chooseRuntime(options: ProviderOptions): Promise<ChosenRuntime> {
  const reasons = [...(options.failed?.values() ?? [])]
  return {
    ...(await chooseProvider(options)),
    ...(reasons.length > 0 && { precisionFallbackReason: reasons.join(' ') }),
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
    // With `auto`, a machine without CUDA installed is not a machine where CUDA failed.
    const expected = options.provider === 'cuda' || !error.providerMissing
    return { ...(await openOnCpu(options)), ...(expected && { fallbackReason: reason }) }
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
 * How many of the wanted workers fit on each GPU. Batch sizes are fixed and all have been run, so a worker never takes
 * more later than after it was opened.
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

/** All or none: a GPU that cannot be used is not compensated by the others. */
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
    ...(provider === 'cuda' && { devices }),
    batchSizes,
    ortVersion: info.ortVersion,
    ...(fallbackReason !== undefined && { fallbackReason }),
    ...(precisionFallbackReason !== undefined && { precisionFallbackReason }),
  }
}

export function planRuntime(provider: Provider, options: ProviderOptions): RuntimePlan {
  const { model, maxBatch, cuda } = options
  const precision = choosePrecision(provider, options)
  const inputSize = model.manifest.preprocessing.inputSize
  // chosen among the files that exist
  const modelPath = join(model.folder, model.manifest.files[precision]!.file)
  if (provider === 'cpu') {
    const workers = options.workers === 0 ? availableParallelism() : options.workers
    // On a CPU core a picture costs nearly as much in a batch as alone (bench/batching.ts); on CUDA a
    // batch costs little more than one picture.
    const batchSizes = powersOfTwo(maxBatch === 0 ? 4 : maxBatch)
    const sessions = [{ modelPath, provider, inputSize, batchSizes }]
    return {
      provider,
      precision,
      workers,
      padded: false,
      sharers: workers,
      batchSizes,
      inputSize,
      devices: [],
      sessions,
    }
  }
  const devices = [...new Set(cuda?.devices ?? [0])]
  const workers = devices.length * (options.workers === 0 ? workersPerGpu : options.workers)
  const batchSizes = sizesUpTo(cuda?.batchSizes ?? cudaBatchSizes, maxBatch)
  const sessions = devices.map((deviceId) => ({
    modelPath,
    provider,
    inputSize,
    batchSizes,
    deviceId,
    sessionPerBatchSize: true,
  }))
  return {
    provider,
    precision,
    workers,
    padded: true,
    sharers: devices.length,
    batchSizes,
    inputSize,
    devices,
    sessions,
  }
}

/**
 * Ascending, without repetitions.
 * @param max 0 for no limit; if it is below all of them, it is the only size
 */
function sizesUpTo(sizes: readonly number[], max: number): number[] {
  const ascending = [...new Set(sizes)].sort((a, b) => a - b)
  const fitting = max === 0 ? ascending : ascending.filter((size) => size <= max)
  return fitting.length === 0 ? [max] : fitting
}

/** From the fastest precision to the slowest. */
const preferred: Record<Provider, readonly Precision[]> = {
  cpu: ['int8', 'fp32', 'fp16'],
  cuda: ['fp16', 'fp32', 'int8'],
}

function choosePrecision(provider: Provider, options: ProviderOptions): Precision {
  const left = precisionsLeft(options)
  return preferred[provider].find((precision) => left.includes(precision)) ?? 'fp32'
}

/** Precisions that the folder contains and that have not failed here. */
export function precisionsLeft({
  model: { manifest, absent = [] },
  failed,
}: Pick<ProviderOptions, 'model' | 'failed'>): Precision[] {
  return precisions.filter(
    (precision) =>
      manifest.files[precision] !== undefined && !absent.includes(precision) && failed?.has(precision) !== true,
  )
}

function powersOfTwo(upTo: number): number[] {
  const sizes = [1]
  for (let size = 2; size <= upTo; size *= 2) sizes.push(size)
  return sizes
}

function firstLine(text: string): string {
  return (text.split('\n', 1)[0] ?? '').slice(0, 200)
}
