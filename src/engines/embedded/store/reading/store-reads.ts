/** The main thread's connection to the database, and the tables read through it. */
import { AlikeError } from '../../../../errors.js'
import { GalleryTable } from '../catalogue/gallery-table.js'
import { RemovedSetTable } from '../catalogue/removed-set-table.js'
import { SetTable } from '../catalogue/set-table.js'
import { type CopyCalls, copyCalls } from '../copies/copy-calls.js'
import { type Database, openAlone, openForReading, withDatabase } from '../database/database.js'
import { schemaVersion, versionOf } from '../database/schema.js'
import { DescriptorTable } from '../images/descriptor-table.js'
import { ImageContents } from '../images/image-contents.js'
import type { ImageTableOptions } from '../images/image-row.js'
import { ImageTable } from '../images/image-table.js'
import { LayoutTable } from '../images/layout-table.js'
import { OriginalTable } from '../images/original-table.js'
import { JobTable } from '../jobs/job-table.js'
import { DecisionTable } from '../judgements/decision-table.js'
import { FeedbackTable } from '../judgements/feedback-table.js'
import { GalleryScans } from './gallery-scans.js'
import { type ScanCalls, scanCalls } from './scan-calls.js'

/** The tables that the main thread reads. */
export interface StoreTables {
  galleries: GalleryTable
  sets: SetTable
  images: ImageTable
  contents: ImageContents
  descriptors: DescriptorTable
  jobs: JobTable
  feedback: FeedbackTable
  decisions: DecisionTable
  layouts: LayoutTable
  originals: OriginalTable
  removedSets: RemovedSetTable
}

export interface StoreReads extends StoreTables {
  /** All reads inside see one snapshot. */
  atOnce<Result>(read: () => Result): Result
  /** Used while the reader thread cannot be opened. */
  scans: ScanCalls
  /** Used while the copies thread cannot be opened. */
  copies: CopyCalls
  /** Whether this connection locks out all others. */
  alone: boolean
  close(): void
}

/**
 * Opens it beside other connections.
 * @throws AlikeError `data_unreadable`, `storage_full` when the log's index cannot be created
 */
export function openReads(path: string, images: ImageTableOptions): StoreReads {
  return withDatabase(() => readsOn(openForReading(path), images, false))
}

/**
 * Opens it without needing free space; see `openAlone`.
 * @throws AlikeError `storage_full` for a database that must first be created or migrated; `data_unreadable`
 */
export function openReadsAlone(path: string, images: ImageTableOptions): StoreReads {
  return withDatabase(() => readsOn(openAlone(path), images, true))
}

function readsOn(database: Database, images: ImageTableOptions, alone: boolean): StoreReads {
  try {
    if (alone) expectCurrent(versionOf(database))
    const descriptors = new DescriptorTable(database)
    const records = new ImageTable(database, images)
    return {
      galleries: new GalleryTable(database, images),
      sets: new SetTable(database),
      images: records,
      contents: new ImageContents(database, records, images),
      descriptors,
      jobs: new JobTable(database),
      feedback: new FeedbackTable(database),
      decisions: new DecisionTable(database),
      layouts: new LayoutTable(database),
      originals: new OriginalTable(database),
      removedSets: new RemovedSetTable(database),
      scans: scanCalls(new GalleryScans(database)),
      copies: copyCalls(descriptors),
      alone,
      atOnce: (read) => database.transaction(read)(),
      close: () => void database.close(),
    }
  } catch (error) {
    database.close()
    throw error
  }
}

function expectCurrent(version: number): void {
  if (version === 0) throw new AlikeError('storage_full', { detail: 'There is no space for a new database.' })
  if (version < schemaVersion)
    throw new AlikeError('storage_full', {
      detail: 'The database belongs to an older version; upgrading it needs space.',
    })
}

/**
 * Falls back to an exclusive connection if the room runs out at this moment: preparing its statements is the first
 * read, which creates the log's index.
 */
export function openBesideOthers(path: string, options: ImageTableOptions): StoreReads {
  try {
    return openReads(path, options)
  } catch {
    return openReadsAlone(path, options)
  }
}
