/** What the main thread asks a session worker, and what it answers. */

export type Provider = 'cpu' | 'cuda'

/** Given to the worker when it is started. */
export interface SessionSettings {
  /** The ONNX file; each worker reads it by itself (ONNX Runtime refuses a shared buffer). */
  modelPath: string
  provider: Provider
  /** Side of the square input, pixels. */
  inputSize: number
  /** Every batch size that will ever be run, ascending; each is run once when it is opened. */
  batchSizes: readonly number[]
  /** An ONNX Runtime session for each of them, which sees that one shape for ever. Default: one for all. */
  sessionPerBatchSize?: boolean | undefined
  /** Number of the GPU among those that CUDA sees; default 0. */
  deviceId?: number | undefined
  /** Leaves the graph whole: runs also tell what each place adds. Default: without. */
  map?: boolean | undefined
}

/** What each place of the pictures of a batch adds to their embeddings. */
export interface PlaceValues {
  /** [batchSize, height, width, embeddingDimension]; over the places they sum to the embedding. */
  values: Float32Array<ArrayBuffer>
  height: number
  width: number
}

/** What a session tells once it is warm. */
export interface SessionInfo {
  ortVersion: string
  embeddingDimension: number
  classCount: number
  warmupMs: number
  /** What a run of each batch size took in the warm-up, in their order. */
  runMs: readonly number[]
  /** Whether runs tell what each place adds. */
  hasMap: boolean
}

/** Why a session could not be made. */
export interface OpenFailure {
  reason: string
  /** The provider's library is not part of this installation, so nothing was even tried. */
  providerMissing: boolean
}

export interface RunResult {
  /** [batchSize, embeddingDimension] */
  embeddings: Float32Array<ArrayBuffer>
  /** [batchSize, classCount] */
  logits: Float32Array<ArrayBuffer>
  /** Only where the session was opened with the map. */
  map?: PlaceValues | undefined
}

/** [batchSize, inputSize, inputSize, 3] RGB; moved to the thread, and given back with the answer. */
type Pixels = Uint8Array<ArrayBuffer>

export type SessionCalls = {
  /** The first call: resolves when every batch size has been run once. */
  open: { request: undefined; reply: { info: SessionInfo } | { failure: OpenFailure } }
  /** One at a time. */
  run: { request: { pixels: Pixels; batchSize: number }; reply: { result: RunResult; pixels: Pixels } }
}
