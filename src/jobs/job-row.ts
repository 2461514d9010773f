/** A job as a row of a table in any database, with types that every database has. */
import type { JsonValue } from '../gallery/metadata.js'
import type { JobKind, JobRecord, JobState, JobTrials } from './job.js'

export interface JobRow {
  id: string
  gallery: string
  gallery_uid: string
  state: string
  source: string
  total: number | null
  added: number
  updated: number
  removed: number
  skipped: number
  failed: number
  position: number
  failure: string | null
  idempotency_key: string | null
  created_at: string
  started_at: string | null
  finished_at: string | null
  kind: string
  trials: string | null
  replaced: number
  names_assumed: number
  priority: number
  paused: number
}

export function recordOf(row: JobRow): JobRecord {
  return { ...recordWithoutSource(row), source: JSON.parse(row.source) as JsonValue }
}

/** For changes that return no record: a source can be long, and is not read for each step. */
export function recordWithoutSource(row: JobRow): JobRecord {
  const { added, updated, removed, skipped, failed } = row
  return {
    id: row.id,
    kind: row.kind as JobKind,
    gallery: row.gallery,
    galleryUid: row.gallery_uid,
    state: row.state as JobState,
    source: null,
    total: row.total,
    done: row.kind === 'ingest' ? added + updated + removed + skipped + failed : row.position,
    added,
    updated,
    removed,
    skipped,
    failed,
    replaced: row.replaced,
    namesAssumed: row.names_assumed,
    position: row.position,
    trials: row.trials === null ? null : (JSON.parse(row.trials) as JobTrials),
    failure: row.failure === null ? null : (JSON.parse(row.failure) as { code: string; detail: string }),
    idempotencyKey: row.idempotency_key,
    createdAt: row.created_at,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    priority: row.priority,
    paused: row.paused === 1,
  }
}

/** The columns that a change may have changed. */
export function changedColumns(
  job: JobRecord,
): Omit<JobRow, 'source' | 'id' | 'kind' | 'gallery' | 'gallery_uid' | 'idempotency_key' | 'created_at'> {
  return {
    state: job.state,
    total: job.total,
    added: job.added,
    updated: job.updated,
    removed: job.removed,
    skipped: job.skipped,
    failed: job.failed,
    position: job.position,
    failure: job.failure && JSON.stringify(job.failure),
    started_at: job.startedAt,
    finished_at: job.finishedAt,
    trials: job.trials && JSON.stringify(job.trials),
    replaced: job.replaced,
    names_assumed: job.namesAssumed,
    priority: job.priority,
    paused: Number(job.paused),
  }
}

export function rowOf(job: JobRecord): JobRow {
  return {
    id: job.id,
    kind: job.kind,
    gallery: job.gallery,
    gallery_uid: job.galleryUid,
    source: JSON.stringify(job.source),
    idempotency_key: job.idempotencyKey,
    created_at: job.createdAt,
    ...changedColumns(job),
  }
}
