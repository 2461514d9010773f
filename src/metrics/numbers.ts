/** Gauges with a single value, read at each scrape; 0 without a source. */
import type { Registry } from 'prom-client'
import { readingGauge } from './instruments.js'

const numbers = {
  connections: ['alike_http_connections', 'Open connections of callers.'],
  requestsInFlight: ['alike_requests_in_flight', 'Requests at work, of those whose number is bounded.'],
  uploadsInFlight: ['alike_uploads_in_flight', 'Uploads to jobs that are being received.'],
  answerBytes: ['alike_answer_bytes', 'Bytes of answers that are made and not yet taken by their callers.'],
  bodyMemoryBytes: [
    'alike_body_memory_bytes',
    'Memory reserved for the bodies of requests being processed, and for pictures fetched for them.',
  ],
  jobListeners: ['alike_job_listeners', 'Callers that follow jobs by events.'],
  decodeQueueDepth: ['alike_decode_queue_depth', 'Pictures waiting to be decoded.'],
  storeQueueDepth: ['alike_store_queue_depth', 'Statements waiting for a connection to PostgreSQL.'],
  decodeMemoryBytes: [
    'alike_decode_memory_bytes',
    'Memory reserved for the pictures being decoded, as estimated from their headers.',
  ],
  decoderProcesses: ['alike_decoder_processes', 'Decoder processes that are ready.'],
  embedQueueDepth: ['alike_embed_queue_depth', 'Pictures waiting for an embedding worker.'],
  modelsOpen: ['alike_models_open', 'Models in memory, the standard one among them.'],
  setsFollowed: ['alike_sets_followed', 'Galleries whose other embedding set is kept up to date.'],
  keptQueries: ['alike_kept_queries', 'Pictures that were searched with and are kept, as their galleries ask.'],
  keptQueryBytes: ['alike_kept_query_bytes', 'Bytes of those pictures.'],
  setChangesPending: ['alike_set_changes_pending', 'Changed pictures not yet applied to the other embedding set.'],
  setChangesOldestSeconds: [
    'alike_set_changes_oldest_seconds',
    'Seconds for which the first of them has waited; 0: none waits.',
  ],
  explainQueueDepth: ['alike_explain_queue_depth', 'Pictures at work or waiting to be looked at place by place.'],
  explainSessions: ['alike_explain_sessions', '1 while the model that explains scores is in memory, else 0.'],
  embedWorkersLive: ['alike_embed_workers', 'Embedding worker threads that are warm.'],
  writeQueueDepth: ['alike_write_queue_depth', 'Writes waiting for the writer thread.'],
  storageReadOnly: [
    'alike_storage_read_only',
    '1 while the data folder, for lack of room, can only be read, or only deletions are accepted, else 0.',
  ],
  pageRankings: ['alike_page_rankings', 'Rankings kept for their next pages.'],
  pageRankingBytes: ['alike_page_rankings_bytes', 'Memory of the rankings kept for their next pages, roughly.'],
  indexQueueDepth: ['alike_index_queue_depth', 'Vectors waiting to be added to a graph.'],
  copyWalks: [
    'alike_copy_walks',
    'Searches among near-copies only that are under way: each walks over all descriptors of its galleries.',
  ],
  copyQueueDepth: ['alike_copy_queue_depth', 'Questions about copies that wait for an answer.'],
} as const satisfies Readonly<Record<string, readonly [name: string, help: string]>>

export type NumberSources = { [Name in keyof typeof numbers]?: () => number | Promise<number> }

export function registerNumbers(registry: Registry, sources: NumberSources): void {
  for (const [source, [name, help]] of Object.entries(numbers)) {
    readingGauge(registry, {
      name,
      help,
      labels: [],
      read: async (set) => set({}, (await sources[source as keyof NumberSources]?.()) ?? 0),
    })
  }
}
