/** The thread for long reads, so that neither the main thread nor a write waits for them. */
import { workerData } from 'node:worker_threads'
import { answerCalls, MovedReply } from '../worker-calls.js'
import { openForReading, withDatabase, type Database } from './database.js'
import { GalleryScans } from './gallery-scans.js'
import type { ReaderCalls, ReaderThreadData } from './reader-protocol.js'

const { path } = workerData as ReaderThreadData

let database: Database | undefined
let scans: GalleryScans

answerCalls<ReaderCalls>(
  {
    open() {
      database = withDatabase(() => openForReading(path))
      scans = withDatabase(() => new GalleryScans(database!))
    },
    verify: () => withDatabase(() => scans.verify()),
    vectors({ gallery, dimension, fromSlot, limit }) {
      const page = withDatabase(() => scans.vectors(gallery, dimension, fromSlot, limit))
      return new MovedReply<ReaderCalls['vectors']['reply']>(page, [page.slots.buffer, page.vectors.buffer])
    },
    slotsOfFilter({ gallery, filter, fromSlot, toSlot }) {
      const slots = withDatabase(() => scans.slotsOfFilter(gallery, filter, fromSlot, toSlot))
      return new MovedReply<Uint32Array>(slots, [slots.buffer])
    },
    labels: ({ gallery, after, limit }) => withDatabase(() => scans.labels(gallery, after, limit)),
  },
  () => void database?.close(),
)
