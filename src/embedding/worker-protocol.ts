/** The calls to a session worker and its answers. */

export type Provider = 'cpu' | 'cuda'

/** Passed to the worker at its start. */
export interface SessionSettings {
  /** The ONNX file; each worker reads it itself, because ONNX Runtime refuses a shared buffer. */
  modelPath: string
  provider: Provider
  /** Side of the square input, pixels. */
  inputSize: number
  /** Threads of one run, on the CPU; default 1. */
  threads?: number | undefined
  /** Every batch size that will ever be run, ascending; each is run once when it is opened. */
  batchSizes: readonly number[]
  /** One ONNX Runtime session per size, which only ever sees that shape. Default: one for all. */
  sessionPerBatchSize?: boolean | undefined
  /** Number of the GPU among those visible to CUDA; default 0. */
  deviceId?: number | undefined
  /** Keeps the whole graph: runs also return the map of contributions. Default: stripped. */
  map?: boolean | undefined
}

/** The contribution of each cell of the pictures of a batch to their embeddings. */
export interface PlaceValues {
  /** [batchSize, height, width, embeddingDimension]; the cells sum to the embedding. */
  values: Float32Array<ArrayBuffer>
  height: number
  width: number
}

/** What a session reports once it is warm. */
export interface SessionInfo {
  ortVersion: string
  embeddingDimension: number
  classCount: number
  warmupMs: number
  /** Run time of each batch size in the warm-up, in order. */
  runMs: readonly number[]
  /** Whether runs return the map of contributions. */
  hasMap: boolean
}

/** Why a session could not be opened. */
export interface OpenFailure {
  reason: string
  /** The provider's library is not part of this installation, so nothing was attempted. */
  providerMissing: boolean
}

export interface RunResult {
  /** [batchSize, embeddingDimension] */
  embeddings: Float32Array<ArrayBuffer>
  /** [batchSize, classCount] */
  logits: Float32Array<ArrayBuffer>
  /** Only if the session was opened with the map. */
  map?: PlaceValues | undefined
}

/** [batchSize, inputSize, inputSize, 3] RGB; transferred to the thread, and returned with the answer. */
type Pixels = Uint8Array<ArrayBuffer>

export type SessionCalls = {
  /** The first call: resolves when every batch size has been run once. */
  open: { request: undefined; reply: { info: SessionInfo } | { failure: OpenFailure } }
  /** One at a time. */
  run: { request: { pixels: Pixels; batchSize: number }; reply: { result: RunResult; pixels: Pixels } }
}
