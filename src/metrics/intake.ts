/** Metrics of incoming pictures: jobs, fetches, decoding, stored originals. */
import type { Registry } from 'prom-client'
import { counters } from './instruments.js'

const ingestOutcomes = ['added', 'updated', 'removed', 'skipped', 'failed'] as const
/** Outcome of one picture in an ingestion job. */
export type IngestOutcome = (typeof ingestOutcomes)[number]

const jobKinds = ['ingest', 'evaluate', 'duplicates', 'doctor', 'layout', 're-embedding', 'move'] as const
export type EndedJobKind = (typeof jobKinds)[number]

/** Final state of a job. */
const jobEnds = ['succeeded', 'completed_with_errors', 'failed', 'cancelled'] as const
export type JobEnd = (typeof jobEnds)[number]

const fetchOutcomes = ['fetched', 'refused', 'failed'] as const
/** Outcome of fetching one picture by URL. */
export type FetchOutcome = (typeof fetchOutcomes)[number]

/** Outcome of one scan of a watched folder; `incomplete`: parts of it could not be read. */
export type FolderScanOutcome = 'done' | 'incomplete' | 'failed'

/** Labels of what is measured of a watched folder. */
export interface FolderLabels {
  gallery: string
  /** Of the folder's ids. */
  prefix?: string | undefined
}

export interface IntakeInstruments {
  countIngested(outcome: IngestOutcome, count?: number): void
  countJobEnd(kind: EndedJobKind, state: JobEnd): void
  countWebhook(outcome: 'delivered' | 'failed' | 'given_up'): void
  countFetch(outcome: FetchOutcome): void
  /** A picture was read from a listed bucket. */
  countBucketRead(outcome: 'read' | 'failed'): void
  /** A watched folder was scanned. */
  countFolderScan(of: FolderLabels, outcome: FolderScanOutcome): void
  /** A picture was decoded or refused: in the service, or in a decoder process. */
  countDecoded(where: 'service' | 'process'): void
  /** A decoder process ended unexpectedly. */
  countDecoderEnd(): void
  /** Older pictures were given a copy descriptor. */
  countDescribed(images: number): void
  /** Query pictures: kept, skipped because too many arrived at once, removed. */
  countKeptQuery(what: 'kept' | 'skipped' | 'removed', count: number): void
  /** A picture in its owner's storage was read again. */
  countReference(outcome: 'fetched' | 'changed' | 'failed'): void
  /** An original was stored. */
  countOriginalPut(bytes: number): void
  /** An unused original was removed. */
  countOriginalRemoved(bytes: number): void
  /** The store denied the removal of an unused original. */
  countOriginalDenied(): void
}

export function intakeInstruments(registry: Registry): IntakeInstruments {
  return { ...jobInstruments(registry), ...sourceInstruments(registry), ...pictureInstruments(registry) }
}

function jobInstruments(registry: Registry) {
  const { ingested, jobsEnded, webhooks } = counters(registry, {
    ingested: [
      'alike_ingest_images_total',
      'Pictures handled by ingestion jobs, by outcome.',
      { outcome: ingestOutcomes },
    ],
    jobsEnded: [
      'alike_jobs_ended_total',
      'Jobs that have ended, by their kind and state.',
      { kind: jobKinds, state: jobEnds },
    ],
    webhooks: [
      'alike_webhook_attempts_total',
      'Attempts to notify a webhook of the end of a job, by outcome; given up: the last one has failed.',
      { outcome: ['delivered', 'failed', 'given_up'] },
    ],
  })
  return {
    countIngested: (outcome: IngestOutcome, count = 1) => ingested.inc({ outcome }, count),
    countJobEnd: (kind: EndedJobKind, state: JobEnd) => jobsEnded.inc({ kind, state }),
    countWebhook: (outcome: 'delivered' | 'failed' | 'given_up') => webhooks.inc({ outcome }),
  }
}

function sourceInstruments(registry: Registry) {
  const { fetches, bucketReads, folderScans } = counters(registry, {
    fetches: ['alike_url_fetches_total', 'Pictures requested by URL, by outcome.', { outcome: fetchOutcomes }],
    bucketReads: [
      'alike_bucket_reads_total',
      'Pictures requested by jobs from listed buckets, by outcome.',
      { outcome: ['read', 'failed'] },
    ],
    folderScans: [
      'alike_watched_folder_scans_total',
      'Scans of watched folders, by gallery, prefix of ids and outcome.',
      { gallery: null, prefix: null, outcome: null },
    ],
  })
  return {
    countFetch: (outcome: FetchOutcome) => fetches.inc({ outcome }),
    countBucketRead: (outcome: 'read' | 'failed') => bucketReads.inc({ outcome }),
    countFolderScan: ({ gallery, prefix = '' }: FolderLabels, outcome: FolderScanOutcome) =>
      folderScans.inc({ gallery, prefix, outcome }),
  }
}

function pictureInstruments(registry: Registry) {
  const { decoded, decoderEnds, described, queries, references, originals, originalBytes } = counters(registry, {
    decoded: [
      'alike_pictures_decoded_total',
      'Pictures decoded, or rejected by their decoder: in the service itself, or in a decoder process.',
      { where: ['service', 'process'] },
    ],
    decoderEnds: ['alike_decoder_process_crashes_total', 'Decoder processes that crashed and were replaced.'],
    described: [
      'alike_copy_descriptors_backfilled_total',
      'Older pictures that received a copy descriptor, computed from their thumbnails.',
    ],
    queries: [
      'alike_query_pictures_total',
      'Pictures that were searched with, in galleries that keep some: kept, not kept as too many came at once, removed.',
      { what: ['kept', 'skipped', 'removed'] },
    ],
    references: [
      'alike_original_references_total',
      'Pictures read again where their owner has them: as they were, changed since, or not at all.',
      { outcome: ['fetched', 'changed', 'failed'] },
    ],
    originals: [
      'alike_originals_total',
      'Originals stored (put, including those already present), deleted because no picture used them, or whose deletion was denied.',
      { what: null },
    ],
    originalBytes: ['alike_original_bytes_total', 'Bytes of the same.', { what: null }],
  })
  const countOriginal = (what: 'put' | 'removed', bytes: number) => {
    originals.inc({ what })
    originalBytes.inc({ what }, bytes)
  }
  return {
    countDecoded: (where: 'service' | 'process') => decoded.inc({ where }),
    countDecoderEnd: () => decoderEnds.inc(),
    countDescribed: (images: number) => described.inc(images),
    countKeptQuery: (what: 'kept' | 'skipped' | 'removed', count: number) => queries.inc({ what }, count),
    countReference: (outcome: 'fetched' | 'changed' | 'failed') => references.inc({ outcome }),
    countOriginalPut: (bytes: number) => countOriginal('put', bytes),
    countOriginalRemoved: (bytes: number) => countOriginal('removed', bytes),
    countOriginalDenied: () => originals.inc({ what: 'denied' }),
  }
}
