/**
 * What the service says about itself to Prometheus: one registry and its typed instruments,
 * made per app and handed down. The only importer of prom-client, and the only place where
 * milliseconds become the seconds that Prometheus expects.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** The stages of a query, in the order of its life; `total` is the whole of it. */
export const stages = ['decode', 'queue', 'embed', 'search', 'total'] as const
export type Stage = (typeof stages)[number]

/** What became of one picture of an ingestion job. */
export type IngestOutcome = 'added' | 'updated' | 'removed' | 'skipped' | 'failed'

/** How an ingestion job ended. */
export const jobEnds = ['succeeded', 'completed_with_errors', 'failed', 'cancelled'] as const
export type JobEnd = (typeof jobEnds)[number]

/** What became of one picture that was to be fetched by its URL. */
export type FetchOutcome = 'fetched' | 'refused' | 'failed'

/** What runs the model, as labels of one metric that is always 1. */
export interface RuntimeLabels {
  provider: string
  precision: string
  model_id: string
  model: string
  ort_version: string
}

/** The instruments of `embedding/`. */
export interface EmbeddingInstruments {
  /** One run of the model with this many pictures (padding not counted). */
  observeBatch(size: number): void
  /** A picture whose caller left before it was run. */
  countDropped(): void
  /** A worker thread that ended by itself and is being replaced. */
  countWorkerCrash(): void
  /** `cudaFallback`: CUDA was expected, and embeddings run on the CPU instead. */
  setRuntime(labels: RuntimeLabels, cudaFallback: boolean): void
  /** Smallest cosine between embeddings of the golden pictures here and at the export. */
  setGoldenCosine(precision: string, minCosine: number): void
}

export interface GalleryReading {
  gallery: string
  /** Live pictures. */
  images: number
  /** Removed pictures that still lie in the graph. */
  tombstones: number
  /** Live pictures that no search finds, because their embeddings are damaged. */
  unfindable: number
  /** Its engine does not have it any more. */
  lost?: boolean | undefined
}

export interface WatchedFolderReading {
  gallery: string
  taken: number
  waiting: number
}

export interface GpuReading {
  device: number
  usedBytes: number
  totalBytes: number
  /** 0..1; undefined: not told. */
  utilization?: number | undefined
}

/** Readings taken when Prometheus asks; each part hands its own in as soon as it exists. */
export interface MetricSources {
  /** Open connections of callers. */
  connections?: () => number
  /** Requests admitted and not yet answered, of those that admission bounds. */
  requestsInFlight?: () => number
  /** Uploads to jobs that are being received. */
  uploadsInFlight?: () => number
  /** Bytes of answers that are made and not yet taken. */
  answerBytes?: () => number
  /** Memory that bodies of requests were admitted with. */
  bodyMemoryBytes?: () => number
  /** Callers that follow jobs by events. */
  jobListeners?: () => number
  /** Pictures waiting for a decode permit. */
  decodeQueueDepth?: () => number
  /** Statements that wait for a connection to PostgreSQL. */
  storeQueueDepth?: () => number
  /** Memory that the pictures being decoded were admitted with. */
  decodeMemoryBytes?: () => number
  /** Decoder processes that are ready. */
  decoderProcesses?: () => number
  embedQueueDepth?: () => number
  /** Models in memory, the standard one among them. */
  modelsOpen?: () => number
  /** Galleries whose other embedding set is kept up to date. */
  setsFollowed?: () => number
  /** Changed pictures that were not brought to another set yet. */
  setChangesPending?: () => number
  /** Pictures waiting to be looked at place by place. */
  explainQueueDepth?: () => number
  /** 1 while the model that explains is in memory. */
  explainSessions?: () => number
  embedWorkersLive?: () => number
  /** GPUs that run the model. */
  gpus?: () => Iterable<GpuReading>
  /** Writes waiting for the writer thread. */
  writeQueueDepth?: () => number
  /** 1 while the data folder, opened without room, can only be read. */
  storageReadOnly?: () => number
  /** Vectors waiting to be added to a graph. */
  indexQueueDepth?: () => number
  /** Questions to the thread that compares copy descriptors. */
  copyQueueDepth?: () => number
  /** Rankings kept for their next pages. */
  pageRankings?: () => number
  /** Their memory, roughly. */
  pageRankingBytes?: () => number
  galleries?: () => Promise<Iterable<GalleryReading>>
  /** Those that galleries live in. */
  engines?: () => Iterable<{ engine: string; unreachable: boolean }>
  watchedFolders?: () => Iterable<WatchedFolderReading>
  /** How far the last queries have moved from a reference. */
  queryDrift?: () => Iterable<{ modelId: string; of: string; reference: string; psi: number }>
  /** Mean `pSame` of the calibration's pairs of one label. */
  expectedPSame?: () => number | undefined
  /** Memory by what holds it. */
  memory?: () => Iterable<{ part: string; bytes: number }>
  /** Ingestion jobs that have not ended, by state. */
  jobs?: () => Promise<Iterable<{ state: string; count: number }>>
  /** The same of analyses. */
  analysisJobs?: () => Promise<Iterable<{ state: string; count: number }>>
}

export interface Metrics {
  readonly embedding: EmbeddingInstruments
  /** @param route the pattern (`/v1/galleries/:gallery`), never the URL, so that series stay few. */
  countRequest(method: string, route: string, status: number): void
  observeStage(stage: Stage, durationMs: number): void
  countSearch(method: 'exact' | 'hnsw'): void
  /** @param code a code of the error catalogue */
  countRefusal(code: string): void
  countIngested(outcome: IngestOutcome, count?: number): void
  countJobEnd(state: JobEnd): void
  countFetch(outcome: FetchOutcome): void
  /** A picture was read from a listed bucket. */
  countBucketRead(outcome: 'read' | 'failed'): void
  /** A watched folder was looked at. */
  countFolderLook(gallery: string, outcome: 'done' | 'failed'): void
  countIndexRebuild(): void
  countDecided(decision: string): void
  countJudged(verdict: 'right' | 'wrong', count: number): void
  /** The model that explains was brought into memory. */
  countExplainOpen(): void
  /** A picture was decoded or refused: in the service, or in a decoder process. */
  countDecoded(where: 'service' | 'process'): void
  /** A decoder process ended that nobody had asked to. */
  countDecoderEnd(): void
  /** Older pictures that were given a copy descriptor. */
  countDescribed(images: number): void
  /** A ranking was given up before its last page was asked for. */
  countRankingDrop(reason: 'expired' | 'displaced'): void
  countDataSnapshot(outcome: 'ready' | 'failed'): void
  /** A picture was kept as it came. */
  countOriginalPut(bytes: number): void
  /** An original that no picture uses was removed. */
  countOriginalRemoved(bytes: number): void
  countWebhook(outcome: 'delivered' | 'failed' | 'given_up'): void
  setNewestDataSnapshot(at: Date): void
  /** The best hit of a query. @param pSame where the model is calibrated */
  observeBest(score: number, pSame: number | undefined): void
  /** A search was repeated exactly: of so many best hits the graph had found so many. */
  countRecallSample(expected: number, found: number): void
  countRecallSampleFailure(): void
  /** A search was answered by the other embedding set, too. */
  countShadow(shown: number, same: number, searchMs: number): void
  countShadowFailure(): void
  /** The file of API keys had changed. */
  countKeyReload(outcome: 'reloaded' | 'refused'): void
  /** A line of the audit log could not be written. */
  countAuditLoss(): void
  /** Adds sources; a later one of the same name replaces the former. */
  watch(sources: MetricSources): void
  /** The exposition text and its content type, for `GET /metrics`. */
  expose(): Promise<{ contentType: string; text: string }>
}

/** Upper bounds in seconds, 1 ms to 5 s, about 1.6× apart: a p95 read from them is off by less than that. */
const durationBucketsSeconds = [
  0.001, 0.002, 0.003, 0.005, 0.008, 0.012, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.3, 0.5, 0.8, 1.2, 2, 3, 5,
]

export function createMetrics(): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const sources: MetricSources = {}

  // The loop-delay histogram reports its own sampling period as its idle value: 2 ms keeps that small.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 2 })

  const requests = new Counter({
    name: 'alike_http_requests_total',
    help: 'HTTP requests answered, by method, route pattern and status code.',
    labelNames: ['method', 'route', 'status'] as const,
    registers,
  })
  const stageDuration = new Histogram({
    name: 'alike_stage_duration_seconds',
    help: 'Time that a query spent in each stage: decode, queue, embed, search, and total.',
    labelNames: ['stage'] as const,
    buckets: durationBucketsSeconds,
    registers,
  })
  const searches = new Counter({
    name: 'alike_searches_total',
    help: 'Searches answered, by the method that found the neighbours (exact scan or hnsw graph).',
    labelNames: ['method'] as const,
    registers,
  })
  const refusals = new Counter({
    name: 'alike_refusals_total',
    help: 'Requests refused, by error code.',
    labelNames: ['code'] as const,
    registers,
  })
  const ingested = new Counter({
    name: 'alike_ingest_images_total',
    help: 'Pictures handled by ingestion jobs, by outcome.',
    labelNames: ['outcome'] as const,
    registers,
  })
  const jobsEnded = new Counter({
    name: 'alike_ingest_jobs_ended_total',
    help: 'Ingestion jobs that have ended, by their state.',
    labelNames: ['state'] as const,
    registers,
  })
  const fetches = new Counter({
    name: 'alike_url_fetches_total',
    help: 'Pictures that were to be fetched by their URL, by outcome.',
    labelNames: ['outcome'] as const,
    registers,
  })
  const bucketReads = new Counter({
    name: 'alike_bucket_reads_total',
    help: 'Pictures that jobs were to read from listed buckets, by outcome.',
    labelNames: ['outcome'] as const,
    registers,
  })
  const folderLooks = new Counter({
    name: 'alike_watched_folder_looks_total',
    help: 'Looks at watched folders, by the gallery that they feed and by outcome.',
    labelNames: ['gallery', 'outcome'] as const,
    registers,
  })
  const indexRebuilds = new Counter({
    name: 'alike_index_rebuilds_total',
    help: 'Times a graph was built anew from the database.',
    registers,
  })
  const decided = new Counter({
    name: 'alike_decisions_total',
    help: 'Decisions about findings, by what was decided.',
    labelNames: ['decision'] as const,
    registers,
  })
  const judged = new Counter({
    name: 'alike_feedback_judgements_total',
    help: 'Judgements of hits that were taken in, by verdict.',
    labelNames: ['verdict'] as const,
    registers,
  })
  const explainOpens = new Counter({
    name: 'alike_explain_sessions_opened_total',
    help: 'Times the model that explains scores was brought into memory.',
    registers,
  })
  const decoded = new Counter({
    name: 'alike_pictures_decoded_total',
    help: 'Pictures decoded, or refused by their decoder: in the service itself, or in a decoder process.',
    labelNames: ['where'] as const,
    registers,
  })
  const decoderEnds = new Counter({
    name: 'alike_decoder_process_crashes_total',
    help: 'Decoder processes that ended by themselves and were replaced.',
    registers,
  })
  const described = new Counter({
    name: 'alike_copy_descriptors_backfilled_total',
    help: 'Older pictures that were given a copy descriptor, made from their thumbnails.',
    registers,
  })
  const rankingDrops = new Counter({
    name: 'alike_page_rankings_dropped_total',
    help: 'Rankings given up before their last page was asked for: expired, or displaced by others.',
    labelNames: ['reason'] as const,
    registers,
  })
  const dataSnapshots = new Counter({
    name: 'alike_data_snapshots_total',
    help: 'Snapshots of the data that were begun and ended, by outcome.',
    labelNames: ['outcome'] as const,
    registers,
  })
  const webhooks = new Counter({
    name: 'alike_webhook_attempts_total',
    help: 'Attempts to tell of the end of a job, by outcome; given up: the last one has failed.',
    labelNames: ['outcome'] as const,
    registers,
  })
  const newestDataSnapshot = new Gauge({
    name: 'alike_data_snapshot_newest_timestamp_seconds',
    help: 'Unix time of the data in the newest snapshot that this process has written or found in its data folder; 0 when there is none.',
    registers,
  })
  const shares = Array.from({ length: 20 }, (_, i) => (i + 1) / 20)
  const bestScores = new Histogram({
    name: 'alike_query_best_score',
    help: 'Score of the best hit of each query.',
    buckets: shares,
    registers,
  })
  const bestPSame = new Histogram({
    name: 'alike_query_best_p_same',
    help: 'Calibrated probability that the best hit of a query shares its label.',
    buckets: shares,
    registers,
  })
  const shadows = new Counter({
    name: 'alike_shadow_searches_total',
    help: 'Searches that the other embedding set of their gallery answered, too.',
    labelNames: ['outcome'] as const,
    registers,
  })
  const shadowHits = new Counter({
    name: 'alike_shadow_hits_total',
    help: 'Best hits that were shown, and how many of them the other embedding set has among its own.',
    labelNames: ['of'] as const,
    registers,
  })
  const shadowSeconds = new Histogram({
    name: 'alike_shadow_search_seconds',
    help: 'Time of the other embedding set to find its best hits.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers,
  })
  const recallSamples = new Counter({
    name: 'alike_recall_samples_total',
    help: 'Searches by the graph that were repeated exactly in the background, by outcome.',
    labelNames: ['outcome'] as const,
    registers,
  })
  const recallHits = new Counter({
    name: 'alike_recall_sample_hits_total',
    help: 'Best hits of those searches by the exact scan (expected), and those of them that the graph found (found).',
    labelNames: ['of'] as const,
    registers,
  })
  const keyReloads = new Counter({
    name: 'alike_key_reloads_total',
    help: 'Times the file of API keys had changed and was read again, by outcome; refused: the former keys stay.',
    labelNames: ['outcome'] as const,
    registers,
  })
  const auditLosses = new Counter({
    name: 'alike_audit_write_failures_total',
    help: 'Failures to write to the file of the audit log.',
    registers,
  })
  // Every label value exists from the start, so that a rate over it is 0 and not missing.
  for (const stage of stages) stageDuration.zero({ stage })
  for (const method of ['exact', 'hnsw'] as const) searches.inc({ method }, 0)
  for (const outcome of ['added', 'updated', 'removed', 'skipped', 'failed'] as const) ingested.inc({ outcome }, 0)
  for (const state of jobEnds) jobsEnded.inc({ state }, 0)
  for (const outcome of ['fetched', 'refused', 'failed'] as const) fetches.inc({ outcome }, 0)
  for (const outcome of ['read', 'failed'] as const) bucketReads.inc({ outcome }, 0)

  for (const verdict of ['right', 'wrong'] as const) judged.inc({ verdict }, 0)
  for (const where of ['service', 'process'] as const) decoded.inc({ where }, 0)
  for (const reason of ['expired', 'displaced'] as const) rankingDrops.inc({ reason }, 0)
  for (const outcome of ['delivered', 'failed', 'given_up'] as const) webhooks.inc({ outcome }, 0)
  for (const outcome of ['ready', 'failed'] as const) dataSnapshots.inc({ outcome }, 0)
  for (const outcome of ['reloaded', 'refused'] as const) keyReloads.inc({ outcome }, 0)
  for (const outcome of ['compared', 'failed'] as const) {
    recallSamples.inc({ outcome }, 0)
    shadows.inc({ outcome }, 0)
  }
  for (const of of ['expected', 'found'] as const) recallHits.inc({ of }, 0)

  registerReadings(registry, sources)
  const originals = new Counter({
    name: 'alike_originals_total',
    help: 'Pictures kept as they came (put, also those that were there already), and those removed as no picture used them.',
    labelNames: ['what'] as const,
    registers,
  })
  const originalBytes = new Counter({
    name: 'alike_original_bytes_total',
    help: 'Bytes of the same.',
    labelNames: ['what'] as const,
    registers,
  })
  const countOriginal = (what: 'put' | 'removed', bytes: number) => {
    originals.inc({ what })
    originalBytes.inc({ what }, bytes)
  }
  const embedding = createEmbeddingInstruments(registry)

  return {
    embedding,
    countRequest: (method, route, status) => requests.inc({ method, route, status: String(status) }),
    observeStage: (stage, durationMs) => stageDuration.observe({ stage }, durationMs / 1000),
    countSearch: (method) => searches.inc({ method }),
    countRefusal: (code) => refusals.inc({ code }),
    countIngested: (outcome, count = 1) => ingested.inc({ outcome }, count),
    countJobEnd: (state) => jobsEnded.inc({ state }),
    countFetch: (outcome) => fetches.inc({ outcome }),
    countBucketRead: (outcome) => bucketReads.inc({ outcome }),
    countFolderLook: (gallery, outcome) => folderLooks.inc({ gallery, outcome }),
    countIndexRebuild: () => indexRebuilds.inc(),
    countDecided: (decision) => decided.inc({ decision }),
    countJudged: (verdict, count) => judged.inc({ verdict }, count),
    countExplainOpen: () => explainOpens.inc(),
    countDecoded: (where) => decoded.inc({ where }),
    countDecoderEnd: () => decoderEnds.inc(),
    countDescribed: (images) => described.inc(images),
    countRankingDrop: (reason) => rankingDrops.inc({ reason }),
    countDataSnapshot: (outcome) => dataSnapshots.inc({ outcome }),
    countOriginalPut: (bytes) => countOriginal('put', bytes),
    countOriginalRemoved: (bytes) => countOriginal('removed', bytes),
    countWebhook: (outcome) => webhooks.inc({ outcome }),
    setNewestDataSnapshot: (at) => newestDataSnapshot.set(at.getTime() / 1000),
    observeBest(score, pSame) {
      bestScores.observe(score)
      if (pSame !== undefined) bestPSame.observe(pSame)
    },
    countRecallSample(expected, found) {
      recallSamples.inc({ outcome: 'compared' })
      recallHits.inc({ of: 'expected' }, expected)
      recallHits.inc({ of: 'found' }, found)
    },
    countRecallSampleFailure: () => recallSamples.inc({ outcome: 'failed' }),
    countShadow(shown, same, searchMs) {
      shadows.inc({ outcome: 'compared' })
      shadowHits.inc({ of: 'shown' }, shown)
      shadowHits.inc({ of: 'same' }, same)
      shadowSeconds.observe(searchMs / 1000)
    },
    countShadowFailure: () => shadows.inc({ outcome: 'failed' }),
    countKeyReload: (outcome) => keyReloads.inc({ outcome }),
    countAuditLoss: () => auditLosses.inc(),
    watch: (more) => void Object.assign(sources, more),
    expose: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  }
}

function createEmbeddingInstruments(registry: Registry): EmbeddingInstruments {
  const registers = [registry]
  const batchSize = new Histogram({
    name: 'alike_embed_batch_size',
    help: 'Pictures in one run of the model, padding not counted.',
    buckets: [1, 2, 4, 8, 16, 32, 64],
    registers,
  })
  const dropped = new Counter({
    name: 'alike_embed_dropped_total',
    help: 'Pictures dropped before they were run because their caller had left.',
    registers,
  })
  const crashes = new Counter({
    name: 'alike_embed_worker_crashes_total',
    help: 'Embedding worker threads that ended by themselves and were replaced.',
    registers,
  })
  const runtimeInfo = new Gauge({
    name: 'alike_runtime_info',
    help: 'Always 1; its labels say which model runs, in which precision, on which execution provider.',
    labelNames: ['provider', 'precision', 'model_id', 'model', 'ort_version'] as const,
    registers,
  })
  const cudaFallback = new Gauge({
    name: 'alike_cuda_fallback',
    help: '1 when CUDA was expected and embeddings run on the CPU instead, else 0.',
    registers,
  })
  const goldenCosine = new Gauge({
    name: 'alike_golden_min_cosine',
    help: 'Smallest cosine between the embeddings of the golden pictures made here at start and those made at the export.',
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

/** Gauges that ask their source at each scrape; without a source they stay silent or 0. */
function registerReadings(registry: Registry, sources: MetricSources): void {
  const registers = [registry]
  const plain = [
    ['connections', 'alike_http_connections', 'Open connections of callers.'],
    ['requestsInFlight', 'alike_requests_in_flight', 'Requests at work, of those whose number is bounded.'],
    ['uploadsInFlight', 'alike_uploads_in_flight', 'Uploads to jobs that are being received.'],
    ['answerBytes', 'alike_answer_bytes', 'Bytes of answers that are made and not yet taken by their callers.'],
    [
      'bodyMemoryBytes',
      'alike_body_memory_bytes',
      'Memory that the bodies of requests at work, and pictures fetched for them, may take.',
    ],
    ['jobListeners', 'alike_job_listeners', 'Callers that follow jobs by events.'],
    ['decodeQueueDepth', 'alike_decode_queue_depth', 'Pictures waiting to be decoded.'],
    ['storeQueueDepth', 'alike_store_queue_depth', 'Statements waiting for a connection to PostgreSQL.'],
    [
      'decodeMemoryBytes',
      'alike_decode_memory_bytes',
      'Memory that the pictures being decoded may take, as estimated from their headers.',
    ],
    ['decoderProcesses', 'alike_decoder_processes', 'Decoder processes that are ready.'],
    ['embedQueueDepth', 'alike_embed_queue_depth', 'Pictures waiting for an embedding worker.'],
    ['modelsOpen', 'alike_models_open', 'Models in memory, the standard one among them.'],
    ['setsFollowed', 'alike_sets_followed', 'Galleries whose other embedding set is kept up to date.'],
    [
      'setChangesPending',
      'alike_set_changes_pending',
      'Changed pictures that were not brought to another embedding set yet.',
    ],
    ['explainQueueDepth', 'alike_explain_queue_depth', 'Pictures at work or waiting to be looked at place by place.'],
    ['explainSessions', 'alike_explain_sessions', '1 while the model that explains scores is in memory, else 0.'],
    ['embedWorkersLive', 'alike_embed_workers', 'Embedding worker threads that are warm.'],
    ['writeQueueDepth', 'alike_write_queue_depth', 'Writes waiting for the writer thread.'],
    [
      'storageReadOnly',
      'alike_storage_read_only',
      '1 while the data folder, opened without room for writes, can only be read, else 0.',
    ],
    ['pageRankings', 'alike_page_rankings', 'Rankings kept for their next pages.'],
    ['pageRankingBytes', 'alike_page_rankings_bytes', 'Memory of the rankings kept for their next pages, roughly.'],
    ['indexQueueDepth', 'alike_index_queue_depth', 'Vectors waiting to be added to a graph.'],
    ['copyQueueDepth', 'alike_copy_queue_depth', 'Questions about copies that wait for an answer.'],
  ] as const
  for (const [source, name, help] of plain) {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(sources[source]?.() ?? 0)
      },
    })
  }
  // all gauges are collected at once: one look at the galleries does for both
  let looking: Promise<Iterable<GalleryReading>> | undefined
  const readGalleries = (): Promise<Iterable<GalleryReading>> => {
    looking ??= (sources.galleries?.() ?? Promise.resolve([])).finally(() => {
      looking = undefined
    })
    return looking
  }
  for (const [part, name, help] of [
    ['images', 'alike_gallery_images', 'Live pictures in each gallery.'],
    ['tombstones', 'alike_gallery_tombstones', 'Removed pictures that still lie in the graph of each gallery.'],
    [
      'unfindable',
      'alike_gallery_unfindable_images',
      'Live pictures of each gallery that no search finds, because their embeddings are damaged on disk.',
    ],
    ['lost', 'alike_gallery_lost', '1 for each gallery whose engine answers and does not have it any more, else 0.'],
  ] as const) {
    new Gauge({
      name,
      help,
      labelNames: ['gallery'] as const,
      registers,
      async collect() {
        const readings = await readGalleries()
        this.reset() // a deleted gallery must not go on being reported
        for (const reading of readings) this.set({ gallery: reading.gallery }, Number(reading[part] ?? 0))
      },
    })
  }
  new Gauge({
    name: 'alike_engine_unreachable',
    help: '1 while an engine that galleries live in does not answer, else 0.',
    labelNames: ['engine'] as const,
    registers,
    collect() {
      for (const { engine, unreachable } of sources.engines?.() ?? []) this.set({ engine }, unreachable ? 1 : 0)
    },
  })
  for (const [part, name, help] of [
    ['taken', 'alike_watched_folder_files', 'Files of watched folders that were taken in, by their galleries.'],
    [
      'waiting',
      'alike_watched_folder_changes',
      'Changes in watched folders that wait to be taken in, at the last look.',
    ],
  ] as const) {
    new Gauge({
      name,
      help,
      labelNames: ['gallery'] as const,
      registers,
      collect() {
        this.reset()
        for (const reading of sources.watchedFolders?.() ?? []) this.inc({ gallery: reading.gallery }, reading[part])
      },
    })
  }
  new Gauge({
    name: 'alike_query_drift_psi',
    help: 'Population stability index of the best hits of the last queries, against the first ones of this model or the pairs of its calibration.',
    labelNames: ['model_id', 'of', 'reference'] as const,
    registers,
    collect() {
      this.reset()
      for (const { psi, modelId, ...labels } of sources.queryDrift?.() ?? [])
        this.set({ model_id: modelId, ...labels }, psi)
    },
  })
  new Gauge({
    name: 'alike_calibration_matching_p_same',
    help: 'Mean probability that the calibration gives to its pairs of one label; best hits should be no worse.',
    labelNames: [] as const,
    registers,
    collect() {
      this.reset()
      const expected = sources.expectedPSame?.()
      if (expected === undefined) this.remove()
      else this.set(expected)
    },
  })
  new Gauge({
    name: 'alike_memory_bytes',
    help: 'Memory of the main thread and the process by what holds it: heap and buffers of the main thread, the rest as native; page rankings and images being decoded are parts of these.',
    labelNames: ['part'] as const,
    registers,
    collect() {
      for (const { part, bytes } of sources.memory?.() ?? []) this.set({ part }, bytes)
    },
  })
  for (const [part, name, help] of [
    [
      'usedBytes',
      'alike_gpu_memory_used_bytes',
      'Memory used of each GPU that runs the model, by whatever process; read at most every 15 seconds.',
    ],
    ['totalBytes', 'alike_gpu_memory_total_bytes', 'Memory that each of these GPUs has.'],
    [
      'utilization',
      'alike_gpu_utilization_ratio',
      'Share of the last moments in which each of these GPUs computed, by whatever process, 0 to 1.',
    ],
  ] as const) {
    new Gauge({
      name,
      help,
      labelNames: ['device'] as const,
      registers,
      collect() {
        this.reset() // one that can not be read any more must not go on being reported
        for (const reading of sources.gpus?.() ?? []) {
          const value = reading[part]
          if (value !== undefined) this.set({ device: String(reading.device) }, value)
        }
      },
    })
  }
  for (const [source, name, help] of [
    ['jobs', 'alike_ingest_jobs', 'Ingestion jobs that have not ended, by state.'],
    ['analysisJobs', 'alike_analysis_jobs', 'Analyses of galleries that have not ended, by state.'],
  ] as const) {
    new Gauge({
      name,
      help,
      labelNames: ['state'] as const,
      registers,
      async collect() {
        const counts = (await sources[source]?.()) ?? []
        this.reset()
        for (const { state, count } of counts) this.set({ state }, count)
      },
    })
  }
}

/** The series of these are told one by one; the others as one, under a name that no gallery can have. */
export function largestGalleries(readings: readonly GalleryReading[], most: number): GalleryReading[] {
  if (readings.length <= most) return [...readings]
  const bySize = readings.toSorted(
    (a, b) => Number(b.lost ?? 0) - Number(a.lost ?? 0) || b.images - a.images || (a.gallery < b.gallery ? -1 : 1),
  )
  const others = bySize.slice(most)
  const sum = (of: 'images' | 'tombstones' | 'unfindable') => others.reduce((total, reading) => total + reading[of], 0)
  return [
    ...bySize.slice(0, most),
    { gallery: '(others)', images: sum('images'), tombstones: sum('tombstones'), unfindable: sum('unfindable') },
  ]
}
