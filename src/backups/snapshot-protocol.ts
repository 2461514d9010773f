/** The only call to the snapshot thread, which lives as long as a snapshot is being written. */
import type { DatabaseContents } from '../engines/embedded/store/database/examine-database.js'
import type { SnapshotFile } from './backup-manifest.js'

/** Start-up data of the thread. */
export interface SnapshotThreadData {
  /** See `RunControl`; it counts thousandths of the snapshot. */
  control: SharedArrayBuffer
}

export type SnapshotCalls = {
  /**
   * Copies the database, reads and verifies the copy, syncs it to disk.
   * @throws `storage_full`, `data_unreadable`, `shutting_down`
   */
  write: {
    request: { from: string; to: string }
    reply: { contents: DatabaseContents; file: Omit<SnapshotFile, 'name'> }
  }
}
