/** How far a job comes with what it writes into a gallery: told beside the pictures. */
import type { StepResult } from './records.js'

/** One item that could not be taken, or took the place of another one, for the job's report. */
export interface JobError {
  /** Index of the item in the source, from 0. */
  item: number
  /** As the source calls it: file name, entry path, line. */
  name: string
  code: string
  detail: string
}

/** How far a job came with one write: committed with the records of that write, or behind them where those are kept elsewhere. */
export interface JobProgress {
  jobId: string
  /** New position; never moves back. */
  position: number
  /** Items of this step that left nothing to do: stored already. */
  skipped?: number
  /** Items of this step that failed; each also counts as failed. */
  errors?: JobError[]
  /** Items of this step that took the place of an earlier one; listed beside the errors. */
  replaced?: JobError[] | undefined
  /** What else is to be told of this step; listed beside the errors, counted with none of them. */
  notes?: JobError[] | undefined
  /** Items of this step whose names were assumed. */
  namesAssumed?: number | undefined
}

/** What the steps of a change did. */
export interface StoredCounts {
  added: number
  updated: number
  removed: number
  /** There was nothing to change, or nothing to remove. */
  idle: number
}

/** Who stores how far jobs come. */
export interface ProgressKeeper {
  /** Names of engines that commit it in one transaction with the pictures. */
  committedBy: readonly string[]
  /** For the others, once the pictures are durable. @throws AlikeError `job_finished`, `gallery_not_found` */
  advance(progress: JobProgress, stored: StoredCounts): Promise<void>
}

export function countsOf(results: readonly StepResult[]): StoredCounts {
  const counts: StoredCounts = { added: 0, updated: 0, removed: 0, idle: 0 }
  for (const result of results) {
    if ('created' in result) counts[result.created ? 'added' : 'updated'] += 1
    else counts['removed' in result ? 'removed' : 'idle'] += 1
  }
  return counts
}
