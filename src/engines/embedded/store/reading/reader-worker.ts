/** The thread for long reads, so that neither the main thread nor writes wait for them. */
import { workerData } from 'node:worker_threads'
import { answerCalls, MovedReply } from '../../../../worker-calls/answered-calls.js'
import { type Database, openForReading, withDatabase } from '../database/database.js'
import { GalleryScans } from './gallery-scans.js'
import type { ReaderCalls, ReaderThreadData } from './reader-protocol.js'
import { type ScanCalls, scanCalls } from './scan-calls.js'

const { path } = workerData as ReaderThreadData

let database: Database | undefined
let calls: ScanCalls

answerCalls<ReaderCalls>(
  {
    open() {
      database = withDatabase(() => openForReading(path))
      const scans = withDatabase(() => new GalleryScans(database!))
      calls = scanCalls(scans)
    },
    verify: () => calls.verify(undefined),
    vectors(request) {
      const page = calls.vectors(request)
      return new MovedReply<ReaderCalls['vectors']['reply']>(page, [
        page.slots.buffer as ArrayBuffer,
        page.vectors.buffer as ArrayBuffer,
      ])
    },
    slotsOfFilter(request) {
      const slots = calls.slotsOfFilter(request)
      return new MovedReply<Uint32Array>(slots, [slots.buffer as ArrayBuffer])
    },
    fittingIds: (request) => calls.fittingIds(request),
    fields: (request) => calls.fields(request),
    labels: (request) => calls.labels(request),
  },
  () => void database?.close(),
)
