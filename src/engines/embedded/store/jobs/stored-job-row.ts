/** A job's row as stored: with its number and a checksum, which is verified whenever the row is read. */
import type { JobRow } from '../../../../jobs/job-row.js'
import { type Checksum, checksummedRows } from '../database/checksum.js'

export type NumberedJobRow = JobRow & { number: number }
export type StoredJobRow = NumberedJobRow & Checksum

/** Rows written before kinds existed have a checksum without one. */
export const jobRows = checksummedRows<JobRow>(
  ({ id }) => `The record of job ${id}`,
  (row) => [
    row.id,
    row.gallery,
    row.gallery_uid,
    row.state,
    row.source,
    row.total,
    row.added,
    row.updated,
    row.skipped,
    row.failed,
    row.position,
    row.failure,
    row.idempotency_key,
    row.created_at,
    row.started_at,
    row.finished_at,
    // Newer than the other columns: rows written earlier keep their checksum.
    ...(row.kind === 'ingest' ? [] : [row.kind]),
    ...(row.removed === 0 ? [] : [row.removed]),
    ...(row.trials === null ? [] : [row.trials]),
    ...(row.replaced === 0 && row.names_assumed === 0 ? [] : ['replaced', row.replaced, row.names_assumed]),
    ...(row.priority === 0 && row.paused === 0 ? [] : ['steered', row.priority, row.paused]),
  ],
)
