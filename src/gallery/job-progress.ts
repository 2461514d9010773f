/** The progress that a job makes with what it writes to a gallery, recorded together with the pictures. */
import { catalogue } from '../errors.js'
import { galleryFull, type RefusedCode, type StepResult } from './records.js'

/** An item that failed, or replaced another one, for the job's report. */
export interface JobError {
  /** Index of the item in the source, from 0. */
  item: number
  /** Name in the source: file name, entry path, line. */
  name: string
  code: string
  detail: string
}

/**
 * Progress made by one write: committed with the records of that write, or after them if those are stored elsewhere.
 */
export interface JobProgress {
  jobId: string
  /** The gallery that the job belongs to, if the step names it: one that has its name now may be another. */
  galleryUid?: string | undefined
  /**
   * Index of the first item of this step. A step that begins before the job's position has been counted already: its
   * commit was not answered, and it is repeated. Undefined: the step is counted in any case.
   */
  from?: number | undefined
  /** New position; it never moves back. */
  position: number
  /** Items of this step that were already stored. */
  skipped?: number
  /** Items of this step that failed; each also counts as failed. */
  errors?: JobError[]
  /** The items whose changes are written, in the order of the changes. Default: none of them can be refused. */
  written?: Pick<JobError, 'item' | 'name'>[] | undefined
  /** Items of this step that replaced an earlier one; listed with the errors. */
  replaced?: JobError[] | undefined
  /** Further messages about this step; listed with the errors, but not counted. */
  notes?: JobError[] | undefined
  /** Items of this step whose name encoding was assumed. */
  namesAssumed?: number | undefined
}

/** The outcome of a change's steps. */
export interface StoredCounts {
  added: number
  updated: number
  removed: number
  /** Steps that had nothing to change or delete. */
  idle: number
}

/** Stores the progress of jobs. */
export interface ProgressKeeper {
  /** Names of engines that commit it in one transaction with the pictures. */
  committedBy: readonly string[]
  /**
   * For the other engines, once the pictures are durable.
   * @throws AlikeError `job_finished`, `gallery_not_found`
   */
  advance(progress: JobProgress, stored: StoredCounts): Promise<void>
}

/** Items whose changes were refused have failed, and replaced nothing. @param maxImages by which new ones were refused */
export function withRefusals(
  progress: JobProgress,
  results: readonly StepResult[],
  maxImages: number | undefined,
): JobProgress {
  const detailOf = (code: RefusedCode) =>
    code === 'gallery_full' && maxImages !== undefined ? galleryFull(maxImages).message : catalogue[code]
  const { written = [], errors = [], replaced } = progress
  const refused = results.flatMap((result, i) =>
    'refused' in result ? [{ ...written[i]!, code: result.refused, detail: detailOf(result.refused) }] : [],
  )
  if (refused.length === 0) return progress
  const items = new Set(refused.map(({ item }) => item))
  return {
    ...progress,
    errors: [...errors, ...refused],
    replaced: replaced?.filter(({ item }) => !items.has(item)),
  }
}

/** Without what was refused. */
export function countsOf(results: readonly StepResult[]): StoredCounts {
  const counts: StoredCounts = { added: 0, updated: 0, removed: 0, idle: 0 }
  for (const result of results) {
    if ('created' in result) counts[result.created ? 'added' : 'updated'] += 1
    else if ('patched' in result) counts.updated += 1
    else if (!('refused' in result)) counts['removed' in result ? 'removed' : 'idle'] += 1
  }
  return counts
}
