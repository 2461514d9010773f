/** Decides what runs the model: CUDA where it really works, the CPU otherwise, and says why. */
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { AlikeError } from '../errors.js'
import { readGpus } from './gpu-readings.js'
import { type Model, type Precision, precisions } from './model-manifest.js'
import { Session, SessionOpenError } from './session.js'
import type { Provider, SessionInfo, SessionSettings } from './worker-protocol.js'

export interface ProviderOptions {
  model: Model
  /** `auto`: CUDA when its library is installed and works. `cuda`: the same, but a missing library is reported as a fallback. */
  provider: 'auto' | 'cpu' | 'cuda'
  /** Refuse to start rather than run on the CPU. */
  requireCuda: boolean
  /** Worker threads, on CUDA for each GPU; 0 for as many as cores, on CUDA two. */
  workers: number
  /** Largest batch; 0 chooses 4 on the CPU and the largest of `cuda.batchSizes` on CUDA. */
  maxBatch: number
  cuda?: CudaOptions | undefined
  /** Precisions that this machine computes wrongly, with how that showed; they are not chosen. */
  failed?: ReadonlyMap<Precision, string>
}

export interface CudaOptions {
  /** GPUs by their number among those that CUDA sees; default 0. Each gets its own workers. */
  devices?: readonly number[] | undefined
  /** Sizes of batches, each with a session of its own in every worker; see `cudaBatchSizes`. */
  batchSizes?: readonly number[] | undefined
  /** `CUDA_VISIBLE_DEVICES`, by which `devices` are found among the GPUs of the machine; default none. */
  visibleDevices?: string | undefined
  /** Bytes of each GPU that all workers on it may take together; 0, the default: as much as there is. */
  memoryMaxBytes?: number | undefined
}

/** docs/gpu.md says what others gave. */
export const cudaBatchSizes: readonly number[] = [1, 4, 16, 64]

/** One copies while another computes. */
const workersPerGpu = 2

/** Everything that follows from the choice of a provider. */
export interface RuntimePlan {
  provider: Provider
  precision: Precision
  /** Threads in all. */
  workers: number
  /** See `BatcherOptions.padded`. */
  padded: boolean
  /** See `BatcherOptions.sharers`. */
  sharers: number
  batchSizes: readonly number[]
  inputSize: number
  /** The GPUs; none on the CPU. */
  devices: readonly number[]
  /** One for each GPU, on the CPU one; the workers are dealt out among them. */
  sessions: readonly SessionSettings[]
}

export interface ChosenRuntime {
  plan: RuntimePlan
  /** The first worker of each of the plan's `sessions`, already warm. */
  sessions: readonly Session[]
  /** Of the first of them. */
  info: SessionInfo
  /** Why the CPU runs although CUDA was expected. */
  fallbackReason?: string
  /** Why a slower precision runs than the folder has. */
  precisionFallbackReason?: string
}

/** The choice in words, for `GET /v1/models` and the log. */
export interface RuntimeDescription {
  provider: Provider
  precision: Precision
  /** Why the CPU runs although CUDA was expected; absent when all is as wanted. */
  fallbackReason?: string
  /** Why a slower precision runs than the folder has; absent when the fastest does. */
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
    if (options.requireCuda)
      throw new AlikeError('cuda_unavailable', { detail: `The reason: ${reason}.`, cause: error })
    // With `auto`, a machine that was never given CUDA is not a machine where CUDA failed.
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
      detail: `ONNX Runtime can not run its ${plan.precision} model.`,
      cause,
    })
  }
}

/** @throws SessionOpenError when a GPU can not be used, or when not even one worker fits into the memory it may take */
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
 * How many of the wanted workers fit on each GPU. Sizes of batches are fixed and all have been run, so a worker takes no
 * more later than when it has been opened.
 * @param taken bytes that the first worker took of each GPU; undefined when that can not be told
 * @throws SessionOpenError when none fits
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

/** All or none: one GPU that can not be used is not made up for by the others. */
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
  // chosen among the files that are there
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

/** Ascending, each once. @param max 0 for no bound; one below all of them is the only size then */
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

/** Precisions that the folder carries and that have not failed here. */
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
