/** The thread that compares copy descriptors, on its own connection. */
import { workerData } from 'node:worker_threads'
import { answerCalls } from '../../../worker-calls/answered-calls.js'
import type { CopiesCalls, CopiesThreadData } from './copies-protocol.js'
import { type CopyCalls, copyCalls } from './copy-calls.js'
import { type Database, openForReading, withDatabase } from './database.js'
import { DescriptorTable } from './descriptor-table.js'

const { path } = workerData as CopiesThreadData

let database: Database | undefined
let calls: CopyCalls

answerCalls<CopiesCalls>(
  {
    open() {
      database = withDatabase(() => openForReading(path))
      calls = copyCalls(withDatabase(() => new DescriptorTable(database!)))
    },
    scores: (request) => calls.scores(request),
    likeness: (request) => calls.likeness(request),
    find: (request) => calls.find(request),
    undescribed: (request) => calls.undescribed(request),
  },
  () => void database?.close(),
)
