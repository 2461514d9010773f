/** Long reads as calls: answered by the reader thread, or by the main thread while it is the only one that can read. */
import { withDatabase } from '../database/database.js'
import type { GalleryScans } from './gallery-scans.js'
import type { ReaderCalls } from './reader-protocol.js'

export type ScanCalls = {
  [Name in keyof ReaderCalls]: (request: ReaderCalls[Name]['request']) => ReaderCalls[Name]['reply']
}

/** @param scans on an open connection: `open` has nothing to do */
export function scanCalls(scans: GalleryScans): ScanCalls {
  return {
    open: () => {},
    verify: () => withDatabase(() => scans.verify()),
    vectors: ({ gallery, dimension, fromSlot, limit }) =>
      withDatabase(() => scans.vectors(gallery, dimension, fromSlot, limit)),
    slotsOfFilter: ({ gallery, filter, among }) => withDatabase(() => scans.slotsOfFilter(gallery, filter, among)),
    fittingIds: (request) => withDatabase(() => scans.fittingIds(request)),
    fields: ({ gallery, step }) => withDatabase(() => scans.fields(gallery, step)),
    labels: ({ gallery, after, limit }) => withDatabase(() => scans.labels(gallery, after, limit)),
  }
}
