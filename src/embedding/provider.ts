/** Decides what runs the network: CUDA where it really works, the CPU otherwise, and says why. */
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { AlikeError } from '../errors.js'
import { precisions, type Model, type Precision } from './manifest.js'
import { Session, SessionOpenError, type SessionInfo } from './session.js'
import type { Provider, SessionSettings } from './worker-protocol.js'

export interface ProviderOptions {
  model: Model
  /** `auto`: CUDA when its library is installed and works. `cuda`: the same, but a missing library is reported as a fallback. */
  provider: 'auto' | 'cpu' | 'cuda'
  /** Refuse to start rather than run on the CPU. */
  requireCuda: boolean
  /** Worker threads; 0 for as many as cores. On CUDA at most two. */
  workers: number
  /** Largest batch, rounded down to a power of two; 0 chooses 4 on the CPU and 16 on CUDA. */
  maxBatch: number
  /** Forms of the network that this machine computes wrongly, with how that showed; they are not chosen. */
  failed?: ReadonlyMap<Precision, string>
}

/** Everything that follows from the choice of a provider. */
export interface RuntimePlan {
  provider: Provider
  precision: Precision
  workers: number
  /** See `BatcherOptions.padded`. */
  padded: boolean
  session: SessionSettings
}

export interface ChosenRuntime {
  plan: RuntimePlan
  /** The first of the plan's workers, already warm. */
  session: Session
  info: SessionInfo
  /** Why the CPU runs although CUDA was expected. */
  fallbackReason?: string
  /** Why a slower form of the network runs than the folder has. */
  formFallbackReason?: string
}

/** The choice in words, for `GET /v1/models` and the log. */
export interface RuntimeDescription {
  provider: Provider
  precision: Precision
  /** Why the CPU runs although CUDA was expected; absent when all is as wanted. */
  fallbackReason?: string
  /** Why a slower form of the network runs than the folder has; absent when the fastest does. */
  formFallbackReason?: string
  workers: number
  batchSizes: readonly number[]
  ortVersion: string
}

/** @throws AlikeError `cuda_unavailable`, `model_unreadable` */
export async function chooseRuntime(options: ProviderOptions): Promise<ChosenRuntime> {
  const reasons = [...(options.failed?.values() ?? [])]
  return { ...(await chooseProvider(options)), ...(reasons.length > 0 && { formFallbackReason: reasons.join(' ') }) }
}

async function chooseProvider(options: ProviderOptions): Promise<ChosenRuntime> {
  if (options.requireCuda && options.provider === 'cpu') {
    throw new AlikeError('cuda_unavailable', { detail: 'CUDA is required, but the provider is set to cpu.' })
  }
  if (options.provider === 'cpu') return openOnCpu(options)
  try {
    const plan = planRuntime('cuda', options)
    return { plan, ...(await Session.open(plan.session)) }
  } catch (error) {
    if (!(error instanceof SessionOpenError)) throw error
    const reason = firstLine(error.message)
    if (options.requireCuda) throw new AlikeError('cuda_unavailable', { detail: `The reason: ${reason}.`, cause: error })
    // With `auto`, a machine that was never given CUDA is not a machine where CUDA failed.
    const expected = options.provider === 'cuda' || !error.providerMissing
    return { ...(await openOnCpu(options)), ...(expected && { fallbackReason: reason }) }
  }
}

async function openOnCpu(options: ProviderOptions): Promise<ChosenRuntime> {
  const plan = planRuntime('cpu', options)
  try {
    return { plan, ...(await Session.open(plan.session)) }
  } catch (cause) {
    throw new AlikeError('model_unreadable', { detail: `ONNX Runtime can not run its ${plan.precision} network.`, cause })
  }
}

export function describeRuntime({ plan, info, fallbackReason, formFallbackReason }: ChosenRuntime): RuntimeDescription {
  const { provider, precision, workers, session } = plan
  return {
    provider,
    precision,
    workers,
    batchSizes: session.batchSizes,
    ortVersion: info.ortVersion,
    ...(fallbackReason !== undefined && { fallbackReason }),
    ...(formFallbackReason !== undefined && { formFallbackReason }),
  }
}

export function planRuntime(provider: Provider, options: ProviderOptions): RuntimePlan {
  const { model, maxBatch } = options
  const workers = options.workers === 0 ? availableParallelism() : options.workers
  const precision = choosePrecision(provider, options)
  // chosen among the files that are there
  const file = model.manifest.files[precision]!
  return {
    provider,
    precision,
    // Two workers on one GPU: one copies while the other computes. More only takes memory.
    workers: provider === 'cuda' ? Math.min(2, workers) : workers,
    padded: provider === 'cuda',
    session: {
      modelPath: join(model.folder, file.file),
      provider,
      inputSize: model.manifest.preprocessing.inputSize,
      // On a CPU core a picture costs nearly as much in a batch as alone (bench/batching.ts); on CUDA a
      // batch costs little more than one picture.
      batchSizes: powersOfTwo(maxBatch === 0 ? (provider === 'cpu' ? 4 : 16) : maxBatch),
    },
  }
}

/** From the fastest form to the slowest. */
const preferred: Record<Provider, readonly Precision[]> = { cpu: ['int8', 'fp32', 'fp16'], cuda: ['fp16', 'fp32', 'int8'] }

function choosePrecision(provider: Provider, options: ProviderOptions): Precision {
  const left = formsLeft(options)
  return preferred[provider].find((precision) => left.includes(precision)) ?? 'fp32'
}

/** Forms that the folder carries and that have not failed here. */
export function formsLeft({ model: { manifest, absent = [] }, failed }: Pick<ProviderOptions, 'model' | 'failed'>): Precision[] {
  return precisions.filter((precision) => manifest.files[precision] !== undefined && !absent.includes(precision) && failed?.has(precision) !== true)
}

function powersOfTwo(upTo: number): number[] {
  const sizes = [1]
  for (let size = 2; size <= upTo; size *= 2) sizes.push(size)
  return sizes
}

function firstLine(text: string): string {
  return (text.split('\n', 1)[0] ?? '').slice(0, 200)
}
