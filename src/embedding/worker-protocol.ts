/**
 * What the main thread and a session worker say to each other. A worker does one thing at a time,
 * so messages carry no ids: every `run` is answered by exactly one `ran` or `run_failed`.
 */

export type Provider = 'cpu' | 'cuda'

/** Given to the worker when it is started. */
export interface SessionSettings {
  /** The ONNX file; each worker reads it by itself (ONNX Runtime refuses a shared buffer). */
  modelPath: string
  provider: Provider
  /** Side of the square input, pixels. */
  inputSize: number
  /** Every batch size that will ever be run, ascending; each is run once before `ready`. */
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

export type ToWorker =
  | {
      kind: 'run'
      /** [batchSize, inputSize, inputSize, 3] RGB; transferred, and given back with the answer. */
      pixels: Uint8Array<ArrayBuffer>
      batchSize: number
    }
  /** Release the session and end; comes only when no run is under way. */
  | { kind: 'close' }

export type FromWorker =
  | {
      kind: 'ready'
      ortVersion: string
      embeddingDimension: number
      classCount: number
      warmupMs: number
      runMs: number[]
      /** Whether runs tell what each place adds. */
      hasMap: boolean
    }
  /** The session could not be made; the worker ends by itself. */
  | {
      kind: 'open_failed'
      reason: string
      /** The provider's library is not part of this installation, so nothing was even tried. */
      providerMissing: boolean
    }
  | {
      kind: 'ran'
      /** [batchSize, embeddingDimension] */
      embeddings: Float32Array<ArrayBuffer>
      /** [batchSize, classCount] */
      logits: Float32Array<ArrayBuffer>
      map?: PlaceValues | undefined
      pixels: Uint8Array<ArrayBuffer>
    }
  | { kind: 'run_failed'; reason: string; pixels: Uint8Array<ArrayBuffer> }
