/** Plans how a model would run on a provider: precision, number of workers, batch sizes. Pure. */
import { availableParallelism } from 'node:os'
import { type Model, networkFile, onCpu, type Precision, precisionsIn } from './model-manifest.js'
import type { Provider, SessionSettings } from './worker-protocol.js'

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
  /** On the CPU, maximum number of threads that run a picture that is alone, never more than workers; 0: as many; default 1. */
  loneThreads?: number | undefined
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
const cudaBatchSizes: readonly number[] = [1, 4, 16, 64]

/** One copies data while the other computes. */
const workersPerGpu = 2

/** Everything that follows from the choice of provider. */
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
  /** What may run a picture that is alone, with more threads from one to the next; see `lone-session.ts`. */
  lone: readonly SessionSettings[]
}

export function planRuntime(provider: Provider, options: ProviderOptions): RuntimePlan {
  const { model } = options
  const precision = choosePrecision(provider, options)
  const inputSize = model.manifest.preprocessing.inputSize
  // chosen among the files that exist
  const modelPath = networkFile(model, precision)!
  const plan = provider === 'cpu' ? planCpu : planCuda
  return { provider, precision, inputSize, ...plan({ modelPath, provider, inputSize }, options) }
}

type ProviderPlan = Omit<RuntimePlan, 'provider' | 'precision' | 'inputSize'>
type SessionBase = Pick<SessionSettings, 'modelPath' | 'provider' | 'inputSize'>

/**
 * On a CPU core a picture costs nearly as much in a batch as alone (bench/batching.ts); on CUDA a batch costs little
 * more than one picture.
 */
function planCpu(session: SessionBase, { workers: given, loneThreads = 1, maxBatch }: ProviderOptions): ProviderPlan {
  const workers = given === 0 ? availableParallelism() : given
  const batchSizes = powersOfTwo(maxBatch === 0 ? 4 : maxBatch)
  const threads = powersOfTwo(loneThreads === 0 ? workers : Math.min(loneThreads, workers)).slice(1)
  const lone = threads.map((threads) => ({ ...session, batchSizes: [1], threads }))
  const sessions = [{ ...session, batchSizes }]
  return { workers, padded: false, sharers: workers, batchSizes, devices: [], sessions, lone }
}

function planCuda(session: SessionBase, { workers: perGpu, maxBatch, cuda }: ProviderOptions): ProviderPlan {
  const devices = [...new Set(cuda?.devices ?? [0])]
  const workers = devices.length * (perGpu === 0 ? workersPerGpu : perGpu)
  const batchSizes = sizesUpTo(cuda?.batchSizes ?? cudaBatchSizes, maxBatch)
  const sessions = devices.map((deviceId) => ({ ...session, batchSizes, deviceId, sessionPerBatchSize: true }))
  return { workers, padded: true, sharers: devices.length, batchSizes, devices, sessions, lone: [] }
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
  cpu: onCpu,
  cuda: ['fp16', 'fp32', 'int8'],
}

function choosePrecision(provider: Provider, options: ProviderOptions): Precision {
  const left = precisionsLeft(options)
  return preferred[provider].find((precision) => left.includes(precision)) ?? 'fp32'
}

/** Precisions that the folder contains and that have not failed here. */
export function precisionsLeft({ model, failed }: Pick<ProviderOptions, 'model' | 'failed'>): Precision[] {
  return precisionsIn(model).filter((precision) => failed?.has(precision) !== true)
}

function powersOfTwo(upTo: number): number[] {
  const sizes = [1]
  for (let size = 2; size <= upTo; size *= 2) sizes.push(size)
  return sizes
}
