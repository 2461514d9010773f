/** Implements the jobs interface on the store. */

import type { StoredCounts } from '../../../gallery/job-progress.js'
import type { JobStore } from '../../../jobs/job-store.js'
import type { StoreAccess } from './store-access.js'

const nothing: StoredCounts = { added: 0, updated: 0, removed: 0, idle: 0 }

export function storedJobs({ store, now, write }: StoreAccess): JobStore {
  return {
    create: (job) =>
      write(async () => store.write('createJob', { job, galleryUid: store.gallery(job.gallery).uid, at: now() })),
    // a single process owns the folder and runs one job of a kind at a time, so there is nothing to claim
    claim: async (kinds) => store.read(({ jobs }) => jobs.next(kinds)),
    renew: async (id) => store.read(({ jobs }) => jobs.get(id)),
    onChange: () => () => {},
    transition: (id, transition) => write(() => store.write('transitionJob', { id, transition, at: now() })),
    note: (id, trials) => write(() => store.write('noteJob', { id, trials })),
    complete: (id, total) => write(() => store.write('completeJob', { id, total, at: now() })),
    advance: (progress, stored = nothing) => write(() => store.write('advanceJob', { progress, stored })),
    forget: (finishedBefore) => write(() => store.write('forgetJobs', { finishedBefore })),
    finish: (id, result) => write(() => store.write('finishJob', { id, result, at: now() })),
    steer: (id, steering) => write(() => store.write('steerJob', { id, steering })),
    webhooks: async () => store.read(({ jobs }) => jobs.webhooks()),
    noteWebhook: (id, next) => write(() => store.write('noteWebhook', { id, next })),
    get: async (id) => store.read(({ jobs }) => jobs.get(id)),
    result: async (id) => store.readAtOnce(({ jobs }) => jobs.result(id)),
    list: async (options) => store.read(({ jobs }) => jobs.list(options)),
    counts: async () => store.read(({ jobs }) => jobs.counts()),
    errors: async (id, options) => store.readAtOnce(({ jobs }) => jobs.errors(id, options)),
  }
}
