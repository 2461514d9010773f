/** The instruments of `embedding/`. */
import { Gauge, Histogram, type Registry } from 'prom-client'
import { counters } from './instruments.js'

/** What runs the model, as labels of one metric with the constant value 1. */
export interface RuntimeLabels {
  provider: string
  precision: string
  model_id: string
  model: string
  ort_version: string
}

/** The instruments of `embedding/`. */
export interface EmbeddingInstruments {
  /** One run of the model with this many pictures (excluding padding). */
  observeBatch(size: number): void
  /** A picture whose caller left before it was run. */
  countDropped(): void
  /** A worker thread that crashed and is being replaced. */
  countWorkerCrash(): void
  /** `cudaFallback`: CUDA was expected, but embeddings run on the CPU. */
  setRuntime(labels: RuntimeLabels, cudaFallback: boolean): void
  /** Smallest cosine between the golden pictures' embeddings on this machine and at export. */
  setGoldenCosine(precision: string, minCosine: number): void
}

export function embeddingInstruments(registry: Registry): EmbeddingInstruments {
  const registers = [registry]
  const batchSize = new Histogram({
    name: 'alike_embed_batch_size',
    help: 'Pictures in one run of the model, padding not counted.',
    buckets: [1, 2, 4, 8, 16, 32, 64],
    registers,
  })
  const { dropped, crashes } = counters(registry, {
    dropped: ['alike_embed_dropped_total', 'Pictures dropped before they were run because their caller had left.'],
    crashes: ['alike_embed_worker_crashes_total', 'Embedding worker threads that died and were replaced.'],
  })
  const runtimeInfo = new Gauge({
    name: 'alike_runtime_info',
    help: 'Always 1; its labels say which model runs, in which precision, on which execution provider.',
    labelNames: ['provider', 'precision', 'model_id', 'model', 'ort_version'] as const,
    registers,
  })
  const cudaFallback = new Gauge({
    name: 'alike_cuda_fallback',
    help: '1 if CUDA was expected but embeddings run on the CPU, otherwise 0.',
    registers,
  })
  const goldenCosine = new Gauge({
    name: 'alike_golden_min_cosine',
    help: 'Smallest cosine between the embeddings of the golden pictures computed here at start and at export.',
    labelNames: ['precision'] as const,
    registers,
  })
  return {
    observeBatch: (size) => batchSize.observe(size),
    countDropped: () => dropped.inc(),
    countWorkerCrash: () => crashes.inc(),
    setRuntime: (labels, fallback) => {
      runtimeInfo.reset()
      runtimeInfo.set({ ...labels }, 1)
      cudaFallback.set(fallback ? 1 : 0)
    },
    setGoldenCosine: (precision, minCosine) => goldenCosine.set({ precision }, minCosine),
  }
}
