/** Gauges with labels, read at each scrape: series of removed things disappear. */
import type { Registry } from 'prom-client'
import { readingGauge } from './instruments.js'
import type { FolderLabels } from './intake.js'

export interface GalleryReading {
  gallery: string
  /** Live pictures. */
  images: number
  /** Removed pictures still in the graph. */
  tombstones: number
  /** Live pictures that no search finds because their embeddings are damaged. */
  unfindable: number
  /** Its engine no longer has it. */
  lost?: boolean | undefined
  /** Its own limit on pictures, if it has one. */
  maxImages?: number | undefined
}

export interface WatchedFolderReading extends FolderLabels {
  taken: number
  waiting: number
}

export interface JobReading {
  group: 'ingest' | 'analysis' | 're_embedding' | 'move'
  state: string
  count: number
}

export interface GpuReading {
  device: number
  usedBytes: number
  totalBytes: number
  /** 0..1; undefined if not reported. */
  utilization?: number | undefined
}

/** Each part registers its own as soon as it exists. */
export interface ReadingSources {
  /** GPUs that run the model. */
  gpus?: () => Iterable<GpuReading>
  galleries?: () => Promise<Iterable<GalleryReading>>
  /** Engines that store galleries. */
  engines?: () => Iterable<{ engine: string; unreachable: boolean }>
  watchedFolders?: () => Iterable<WatchedFolderReading>
  /** Drift of recent queries from a reference. */
  queryDrift?: () => Iterable<{ modelId: string; of: string; reference: string; psi: number }>
  /** Mean `pSame` of the calibration's pairs with the same label. */
  expectedPSame?: () => number | undefined
  /** Memory by owner. */
  memory?: () => Iterable<{ part: string; bytes: number }>
  /** Unfinished jobs, by state. */
  jobs?: () => Promise<Iterable<JobReading>>
  /** Unfinished jobs that wait in this process because a disk is full. */
  jobsWithoutRoom?: () => Iterable<{ kind: string; count: number }>
  /** Unfinished jobs that other processes have to run because their engine is not configured here, by its name. */
  jobsWithoutEngine?: (() => Promise<Iterable<{ name: string; count: number }>>) | undefined
  /** … or because their model is not installed here, by its id. */
  jobsWithoutModel?: (() => Promise<Iterable<{ name: string; count: number }>>) | undefined
}

export function registerReadings(registry: Registry, sources: ReadingSources): void {
  registerGalleries(registry, sources)
  registerWatchedFolders(registry, sources)
  registerEngines(registry, sources)
  registerModels(registry, sources)
  registerGpus(registry, sources)
  registerJobs(registry, sources)
  registerWaitingJobs(registry, sources)
  readingGauge(registry, {
    name: 'alike_memory_bytes',
    help: 'Memory of the main thread and the process by what holds it: heap and buffers of the main thread, the rest as native; page rankings and images being decoded are parts of these.',
    labels: ['part'],
    read(set) {
      for (const { part, bytes } of sources.memory?.() ?? []) set({ part }, bytes)
    },
  })
}

function registerGalleries(registry: Registry, sources: ReadingSources): void {
  const readGalleries = shared(async () => (await sources.galleries?.()) ?? [])
  for (const [part, name, help] of [
    ['images', 'alike_gallery_images', 'Live pictures in each gallery.'],
    ['tombstones', 'alike_gallery_tombstones', 'Removed pictures that still lie in the graph of each gallery.'],
    [
      'unfindable',
      'alike_gallery_unfindable_images',
      'Live pictures of each gallery that no search finds, because their embeddings are damaged on disk.',
    ],
    ['lost', 'alike_gallery_lost', '1 for each gallery whose engine answers and does not have it any more, else 0.'],
  ] as const)
    readingGauge(registry, {
      name,
      help,
      labels: ['gallery'],
      async read(set) {
        for (const reading of await readGalleries()) set({ gallery: reading.gallery }, Number(reading[part] ?? 0))
      },
    })
  readingGauge(registry, {
    name: 'alike_gallery_max_images',
    help: 'Maximum number of pictures in each gallery that has a limit of its own.',
    labels: ['gallery'],
    async read(set) {
      for (const { gallery, maxImages } of await readGalleries())
        if (maxImages !== undefined) set({ gallery }, maxImages)
    },
  })
}

function registerJobs(registry: Registry, sources: ReadingSources): void {
  const readJobs = shared(async () => (await sources.jobs?.()) ?? [])
  for (const [of, name, help] of [
    ['ingest', 'alike_ingest_jobs', 'Ingestion jobs that have not ended, by state.'],
    ['analysis', 'alike_analysis_jobs', 'Analyses of galleries that have not ended, by state.'],
    ['re_embedding', 'alike_re_embedding_jobs', 'Changes of a gallery’s model that have not ended, by state.'],
    ['move', 'alike_move_jobs', 'Moves of galleries to another engine that have not ended, by state.'],
  ] as const)
    readingGauge(registry, {
      name,
      help,
      labels: ['state'],
      async read(set) {
        for (const { group, state, count } of await readJobs()) if (group === of) set({ state }, count)
      },
    })
}

function registerWaitingJobs(registry: Registry, sources: ReadingSources): void {
  readingGauge(registry, {
    name: 'alike_jobs_without_room',
    help: 'Jobs that found a disk full when they last ran in this process, and wait; of those that try again, until they get further.',
    labels: ['kind'],
    read(set) {
      for (const { kind, count } of sources.jobsWithoutRoom?.() ?? []) set({ kind }, count)
    },
  })
  readingGauge(registry, {
    name: 'alike_jobs_without_engine',
    help: 'Jobs that have not ended and are not paused, by the engine that they need: 0 if it is configured here; without those of galleries in the data folder of another process.',
    labels: ['engine'],
    async read(set) {
      for (const { name, count } of (await sources.jobsWithoutEngine?.()) ?? []) set({ engine: name }, count)
    },
  })
  readingGauge(registry, {
    name: 'alike_jobs_without_model',
    help: 'Jobs that have not ended and are not paused, by the model that they need: 0 if it is installed here; without those of galleries that this process cannot reach.',
    labels: ['model_id'],
    async read(set) {
      for (const { name, count } of (await sources.jobsWithoutModel?.()) ?? []) set({ model_id: name }, count)
    },
  })
}

/** One reading for all gauges that are collected at the same time. */
function shared<Reading>(read: () => Promise<Reading>): () => Promise<Reading> {
  let looking: Promise<Reading> | undefined
  return () => {
    looking ??= read().finally(() => {
      looking = undefined
    })
    return looking
  }
}

function registerWatchedFolders(registry: Registry, sources: ReadingSources): void {
  for (const [part, name, help] of [
    ['taken', 'alike_watched_folder_files', 'Files of watched folders that have been ingested, by gallery and prefix.'],
    ['waiting', 'alike_watched_folder_changes', 'Changes in watched folders waiting to be ingested, at the last scan.'],
  ] as const)
    readingGauge(registry, {
      name,
      help,
      labels: ['gallery', 'prefix'],
      read(set) {
        for (const { gallery, prefix = '', ...folder } of sources.watchedFolders?.() ?? [])
          set({ gallery, prefix }, folder[part])
      },
    })
}

function registerEngines(registry: Registry, sources: ReadingSources): void {
  readingGauge(registry, {
    name: 'alike_engine_unreachable',
    help: '1 while an engine that stores galleries is unavailable, otherwise 0.',
    labels: ['engine'],
    read(set) {
      for (const { engine, unreachable } of sources.engines?.() ?? []) set({ engine }, unreachable ? 1 : 0)
    },
  })
}

function registerModels(registry: Registry, sources: ReadingSources): void {
  readingGauge(registry, {
    name: 'alike_query_drift_psi',
    help: 'Population stability index of the best hits of the last queries, against the first ones of this model or the pairs of its calibration.',
    labels: ['model_id', 'of', 'reference'],
    read(set) {
      for (const { psi, modelId, ...labels } of sources.queryDrift?.() ?? []) set({ model_id: modelId, ...labels }, psi)
    },
  })
  readingGauge(registry, {
    name: 'alike_calibration_matching_p_same',
    help: 'Mean probability of the calibration’s same-label pairs; best hits should be no worse.',
    labels: [],
    read(set) {
      const expected = sources.expectedPSame?.()
      if (expected !== undefined) set({}, expected)
    },
  })
}

function registerGpus(registry: Registry, sources: ReadingSources): void {
  for (const [part, name, help] of [
    [
      'usedBytes',
      'alike_gpu_memory_used_bytes',
      'Memory used on each GPU that runs the model, by any process; read at most every 15 seconds.',
    ],
    ['totalBytes', 'alike_gpu_memory_total_bytes', 'Memory that each of these GPUs has.'],
    ['utilization', 'alike_gpu_utilization_ratio', 'Recent utilisation of each of these GPUs, by any process, 0 to 1.'],
  ] as const)
    readingGauge(registry, {
      name,
      help,
      labels: ['device'],
      read(set) {
        for (const reading of sources.gpus?.() ?? []) {
          const value = reading[part]
          if (value !== undefined) set({ device: String(reading.device) }, value)
        }
      },
    })
}

/** The largest galleries have their own series; the others share one, under a name that no gallery can have. */
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
