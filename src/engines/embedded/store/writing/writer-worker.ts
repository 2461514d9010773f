/** The only thread that writes to the database. */
import { workerData } from 'node:worker_threads'
import { answerCalls } from '../../../../worker-calls/answered-calls.js'
import { type Database, openForWriting, withDatabase } from '../database/database.js'
import { expectWholeLog } from '../database/log-check.js'
import { migrate, versionOf } from '../database/schema.js'
import { GalleryWrites } from './gallery-writes.js'
import { WriteGroups } from './write-groups.js'
import type { WriterCalls, WriterThreadData } from './writer-protocol.js'

const { path, maxBytes } = workerData as WriterThreadData

/** Free pages returned to the file system after a removal step, and how many may remain if there is room. */
const vacuumPages = 256
const freePagesKept = 4_096

let database: Database | undefined
let writes: GalleryWrites
let groups: WriteGroups

answerCalls<WriterCalls>(
  {
    open() {
      expectWholeLog(`${path}-wal`)
      database = withDatabase(() => openForWriting(path, { maxBytes }))
      return withDatabase(() => orClose(database!, versionOf))
    },
    migrate() {
      withDatabase(() => orClose(database!, migrate))
      writes = withDatabase(() => new GalleryWrites(database!))
      groups = new WriteGroups(database!, () => writes.forgetCounts())
    },
    createGallery: (gallery) => groups.add(() => writes.catalogue.createGallery(gallery)),
    changeGallery: ({ name, change }) => groups.add(() => writes.catalogue.changeGallery(name, change)),
    deleteGallery: (request) => groups.add(() => writes.catalogue.deleteGallery(request)),
    addSet: ({ set, at }) => groups.add(() => writes.catalogue.addSet(set, at)),
    changeSet: ({ setUid, change, at }) => groups.add(() => writes.catalogue.changeSet(setUid, change, at)),
    serveSet: ({ setUid, about, at }) => groups.add(() => writes.catalogue.serveSet(setUid, about, at)),
    removeSet: ({ setUid, at }) => groups.add(() => writes.catalogue.removeSet(setUid, at)),
    async purge({ shrinks }) {
      const more = await groups.add(() => writes.purge())
      if (shrinks) return withDatabase(() => shrinkFile()) || more
      withDatabase(() => returnPages(freePagesKept))
      return more
    },
    forgetRemoved: ({ setUid }) => groups.add(() => writes.catalogue.forgetRemoved(setUid)),
    changeImages: (request) => groups.add(() => writes.images.change(request)),
    changeImage: (request) => groups.add(() => writes.images.changeOne(request)),
    deleteFitting: ({ set, slots, filter, at }) =>
      groups.add(() => writes.images.deleteFitting(set, slots, filter, at)),
    describeImages: ({ set, described }) => groups.add(() => writes.images.describe(set, described)),
    recordFeedback: (request) => groups.add(() => writes.recordFeedback(request)),
    addDecision: (request) => groups.add(() => writes.addDecision(request)),
    settleDecision: ({ gallery, number }) => groups.add(() => writes.decisions.settle(gallery, number)),
    removeDecision: ({ gallery, number }) => groups.add(() => writes.decisions.delete(gallery, number)),
    addLayoutPoints: (request) => groups.add(() => writes.addLayoutPoints(request)),
    finishLayout: ({ set, generation, about }) => groups.add(() => writes.finishLayout(set, generation, about)),
    dropLayoutPoints: ({ set, generation, limit }) =>
      groups.add(() => writes.layouts.dropOthers(set, generation, limit)),
    createJob: ({ job, galleryUid, at, room }) => groups.add(() => writes.jobs.create(job, galleryUid, at, room)),
    transitionJob: ({ id, transition, at }) => groups.add(() => writes.jobs.transition(id, transition, at)),
    noteJob: ({ id, trials }) => groups.add(() => writes.jobs.note(id, trials)),
    steerJob: ({ id, steering }) => groups.add(() => writes.jobs.steer(id, steering)),
    noteWebhook: ({ id, next }) => groups.add(() => writes.jobs.noteWebhook(id, next)),
    completeJob: ({ id, total, at }) => groups.add(() => writes.jobs.complete(id, total, at)),
    advanceJob: ({ progress, stored }) => groups.add(() => writes.advanceJob(progress, stored)),
    finishJob: ({ id, result, at }) => groups.add(() => writes.finishJob(id, result, at)),
    forgetOriginals: (request) => groups.add(() => writes.originals.forget(request)),
    forgetJobs: ({ finishedBefore }) => groups.add(() => writes.jobs.forget(finishedBefore)),
  },
  () => {
    database?.close()
  },
)

/**
 * Closes the database on a failure: if space was lacking, it is opened again later, and meanwhile another connection
 * reads alone.
 */
function orClose<Result>(opened: Database, work: (opened: Database) => Result): Result {
  try {
    return work(opened)
  } catch (error) {
    opened.close()
    throw error
  }
}

/**
 * Pages are returned through the log, which grows for as long as somebody reads an older state: then none are.
 * @returns whether it may be worth while to call it again at once
 */
function shrinkFile(): boolean {
  return emptyLog() && returnPages(0) && emptyLog()
}

/** Writes the log into the database, whose file shrinks only then. @returns false if a reader needs some of it */
function emptyLog(): boolean {
  const [{ busy, log, checkpointed }] = database!.pragma('wal_checkpoint(PASSIVE)') as [
    Record<'busy' | 'log' | 'checkpointed', number>,
  ]
  return busy === 0 && log === checkpointed
}

/** Returns some free pages to the file system. @returns false if there are no more than `kept` */
function returnPages(kept: number): boolean {
  const freePages = database!.pragma('freelist_count', { simple: true }) as number
  if (freePages > kept) database!.pragma(`incremental_vacuum(${vacuumPages})`)
  return freePages > kept
}
