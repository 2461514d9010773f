/** The thread that compares copy descriptors, on its own connection. */
import { workerData } from 'node:worker_threads'
import { answerCalls } from '../../../../worker-calls/answered-calls.js'
import { type Database, openForReading, withDatabase } from '../database/database.js'
import { DescriptorTable } from '../images/descriptor-table.js'
import type { CopiesCalls, CopiesThreadData } from './copies-protocol.js'
import { type CopyCalls, copyCalls } from './copy-calls.js'

const { path } = workerData as CopiesThreadData

let database: Database | undefined
let calls: CopyCalls | undefined

answerCalls<CopiesCalls>(
  {
    scores: (request) => opened().scores(request),
    likeness: (request) => opened().likeness(request),
    find: (request) => opened().find(request),
    undescribed: (request) => opened().undescribed(request),
  },
  () => void database?.close(),
)

function opened(): CopyCalls {
  return (calls ??= withDatabase(() => copyCalls(new DescriptorTable((database ??= openForReading(path))))))
}
