/** Jobs as the rest of Alike reads and changes them. */

import type { JobStore } from '../../../gallery/jobs.js'
import type { GalleryStore } from './gallery-store.js'

export interface StoredJobsOptions {
  store: GalleryStore
  /** The time, ISO 8601. */
  now(): string
  /** Lets a write begin, or refuses it. */
  write<Result>(write: () => Promise<Result>): Promise<Result>
}

export function storedJobs({ store, now, write }: StoredJobsOptions): JobStore {
  return {
    create: (job) =>
      write(async () => store.write('createJob', { job, galleryUid: store.gallery(job.gallery).uid, at: now() })),
    transition: (id, transition) => write(() => store.write('transitionJob', { id, transition, at: now() })),
    note: (id, trials) => write(() => store.write('noteJob', { id, trials })),
    complete: (id, total) => write(() => store.write('completeJob', { id, total, at: now() })),
    advance: (progress) => write(() => store.write('advanceJob', progress)),
    forget: (finishedBefore) => write(() => store.write('forgetJobs', { finishedBefore })),
    finish: (id, result) => write(() => store.write('finishJob', { id, result, at: now() })),
    steer: (id, steering) => write(() => store.write('steerJob', { id, steering })),
    webhooks: () => store.read(({ jobs }) => jobs.webhooks()),
    noteWebhook: (id, next) => write(() => store.write('noteWebhook', { id, next })),
    get: (id) => store.read(({ jobs }) => jobs.get(id)),
    result: (id) => store.readAtOnce(({ jobs }) => jobs.result(id)),
    list: (options) => store.read(({ jobs }) => jobs.list(options)),
    count: (options) => store.read(({ jobs }) => jobs.count(options)),
    errors: (id, options) => store.readAtOnce(({ jobs }) => jobs.errors(id, options)),
  }
}
