/** Registers the parts' readings for Prometheus. */
import type { AppParts } from '../app.js'
import { hasCode } from '../errors.js'
import { analysisKinds } from '../jobs/job.js'
import { largestGalleries } from '../metrics/readings.js'
import type { JobKinds, JobParts } from './job-kinds.js'
import type { Opening } from './opened-parts.js'

const countedJobs = {
  ingest: ['ingest'],
  analysis: analysisKinds,
  re_embedding: ['re-embedding'],
  move: ['move'],
} as const

export function watchParts({ config, metrics }: Opening, parts: AppParts & JobParts & JobKinds): void {
  const { models, placeMaps, galleries, stores, embedded, decoders, jobs, queries, watch, followers } = parts
  const { drift } = watch
  // those that do not run jobs would hide that none of the others can
  const leftJobs = config.role === 'serve' ? undefined : stores.leftJobs
  const embedder = models.standard
  metrics.watch({
    decodeQueueDepth: () => decoders.depth,
    decodeMemoryBytes: () => decoders.bytesInUse,
    decoderProcesses: () => decoders.processes,
    modelsOpen: () => models.openCount,
    setsFollowed: () => followers.count,
    keptQueries: () => queries.reading.count,
    keptQueryBytes: () => queries.reading.bytes,
    setChangesPending: () => followers.pending(),
    setChangesOldestSeconds: () => followers.oldestSeconds(),
    embedQueueDepth: () => embedder.queueDepth,
    explainQueueDepth: () => placeMaps.depth,
    explainSessions: () => (placeMaps.isOpen ? 1 : 0),
    embedWorkersLive: () => embedder.liveWorkers,
    gpus: () => embedder.gpus,
    writeQueueDepth: () => embedded.writeQueueDepth,
    storeQueueDepth: () => stores.waiting(),
    storageReadOnly: () => (galleries.readOnly === undefined ? 0 : 1),
    indexQueueDepth: () => embedded.indexQueueDepth,
    copyWalks: () => galleries.searches.copyWalks,
    copyQueueDepth: () => embedded.copyQueueDepth,
    pageRankings: () => galleries.searches.kept.count,
    pageRankingBytes: () => galleries.searches.kept.bytes,
    engines: () => {
      const away = new Set(galleries.unreachable.map(({ engine }) => engine))
      return galleries.engineNames.map((engine) => ({ engine, unreachable: away.has(engine) }))
    },
    galleries: async () => largestGalleries(await unlessAway(galleries.readings.all()), config.metricsGalleriesMax),
    queryDrift: () => drift.readings(),
    expectedPSame: () => drift.expectedPSame,
    memory: () => memoryByPart(galleries.searches.kept.bytes, decoders.bytesInUse),
    jobs: () => unlessAway(jobs.counts(countedJobs)),
    jobsWithoutRoom: () => jobs.withoutRoom(),
    jobsWithoutEngine: leftJobs && (() => unlessAway(leftJobs.withoutEngine())),
    jobsWithoutModel: leftJobs && (() => unlessAway(leftJobs.withoutModel())),
  })
}

/** Keeps metrics available while the shared store is down. */
async function unlessAway<Reading>(readings: Promise<Reading[]>): Promise<Reading[]> {
  try {
    return await readings
  } catch (error) {
    if (hasCode(error, 'store_unreachable')) return []
    throw error
  }
}

function memoryByPart(pageRankings: number, decoding: number): { part: string; bytes: number }[] {
  const { rss, heapUsed, heapTotal, external, arrayBuffers } = process.memoryUsage()
  return [
    { part: 'javascript_used', bytes: heapUsed },
    { part: 'javascript_unused', bytes: heapTotal - heapUsed },
    { part: 'buffers', bytes: arrayBuffers },
    { part: 'other_external', bytes: Math.max(0, external - arrayBuffers) },
    { part: 'native', bytes: Math.max(0, rss - heapTotal - external) },
    { part: 'page_rankings', bytes: pageRankings },
    { part: 'decoding_admitted', bytes: decoding },
  ]
}
