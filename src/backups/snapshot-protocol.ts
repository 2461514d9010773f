/** The one call that the snapshot thread answers; it lives as long as the snapshot is written. */
import type { DatabaseContents } from '../engines/embedded/store/examine-database.js'
import type { SnapshotFile } from './backup-manifest.js'

/** Given to the thread when it is started. */
export interface SnapshotThreadData {
  /** Two numbers that both threads see at any time, whatever the other is busy with: see `places`. */
  state: SharedArrayBuffer
}

/** Thousandths that are done; 1 once the thread is to stop. */
export const places = { done: 0, stop: 1 } as const

export type SnapshotCalls = {
  /** Copies the database, reads the copy through, brings it to the disk. @throws `storage_full`, `data_unreadable`, `shutting_down` */
  write: {
    request: { from: string; to: string }
    reply: { contents: DatabaseContents; file: Omit<SnapshotFile, 'name'> }
  }
}
