/** Implements the jobs interface on the store. */
import type { StoredCounts } from '../../../../gallery/job-progress.js'
import { dueOf } from '../../../../jobs/due-webhooks.js'
import type { JobStore } from '../../../../jobs/job-store.js'
import { onceTaken } from '../../../../jobs/patience.js'
import type { GalleryStore } from '../gallery-store.js'

const nothing: StoredCounts = { added: 0, updated: 0, removed: 0, idle: 0 }

/** @param now the current time, ISO 8601 */
export function storedJobs(store: GalleryStore, now: () => string): JobStore {
  const { commit } = store.writes
  return {
    create: (job, room) =>
      store.writes.run(async (commit) =>
        commit('createJob', { job, galleryUid: store.gallery(job.gallery).uid, at: now(), room }),
      ),
    // a single process owns the folder, and knows which jobs it runs
    claim: async (kinds, busy = []) => store.read(({ jobs }) => jobs.next(kinds, busy)),
    release: async () => {},
    renew: async (id) => store.read(({ jobs }) => jobs.get(id)),
    onChange: () => () => {},
    transition: (id, transition) => commit('transitionJob', { id, transition, at: now() }),
    note: (id, trials) => commit('noteJob', { id, trials }),
    complete: (id, total) => commit('completeJob', { id, total, at: now() }),
    advance: (progress, stored = nothing) => commit('advanceJob', { progress, stored }),
    async forget(finishedBefore) {
      for (let forgotten = 0; ; ) {
        const { jobs, more } = await onceTaken(() => commit('forgetJobs', { finishedBefore }))
        forgotten += jobs
        if (!more) return forgotten
      }
    },
    finish: (id, result) => commit('finishJob', { id, result, at: now() }),
    steer: (id, steering) => commit('steerJob', { id, steering }),
    webhooks: async (_, times) => store.read(({ jobs }) => dueOf(jobs.webhooks(), times)),
    noteWebhook: (id, next) => commit('noteWebhook', { id, next }),
    get: async (id) => store.read(({ jobs }) => jobs.get(id)),
    result: async (id) => store.readAtOnce(({ jobs }) => jobs.result(id)),
    list: async (options) => store.read(({ jobs }) => jobs.list(options)),
    counts: async () => store.read(({ jobs }) => jobs.counts()),
    errors: async (id, options) => store.readAtOnce(({ jobs }) => jobs.errors(id, options)),
  }
}
