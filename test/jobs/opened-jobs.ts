/** Jobs in a real store, whose runs are controlled by the test. */
import type { TestContext } from 'node:test'
import type { Galleries } from '../../src/gallery/galleries.js'
import type { JobKind, JobRecord } from '../../src/jobs/job.js'
import { type Jobs, type JobsOptions, openJobs } from '../../src/jobs/jobs.js'
import { jobsOf } from '../engines/embedded/embedded-galleries.js'
import { dataFolder, openIn } from '../engines/embedded/storage-folder.js'
import { listGalleries } from '../gallery/stored-images.js'
import { HeldRunner } from './held-runner.js'

interface Line {
  level: string
  fields: { jobId?: string; err?: unknown }
  message: string
}
export interface OpenedJobs {
  galleries: Galleries
  jobs: Jobs
  takers: HeldRunner
  lookers: HeldRunner
  ends: JobRecord[]
  log: Line[]
}

/** With galleries `a`, `b` and `c`. @param more `jobsMax` and `jobsAtOnce` are those of ingestions */
export async function openHeldJobs(
  t: TestContext,
  {
    dataDir,
    jobsMax = 8,
    jobsAtOnce = 1,
    ...more
  }: Partial<JobsOptions> & { dataDir?: string; jobsMax?: number; jobsAtOnce?: number } = {},
): Promise<OpenedJobs> {
  const galleries = await openIn(t, dataDir ?? (await dataFolder(t)))
  if ((await listGalleries(galleries)).length === 0) for (const name of ['a', 'b', 'c']) await galleries.create(name)
  const [takers, lookers] = [new HeldRunner(['ingest'], jobsMax, jobsAtOnce), new HeldRunner(['evaluate', 'doctor'])]
  const [ends, log]: [JobRecord[], Line[]] = [[], []]
  const write = (level: string) => (fields: object, message: string) => void log.push({ level, fields, message })
  const logger = { info: write('info'), warn: write('warn'), error: write('error') }
  const jobs = await openJobs({
    store: jobsOf(galleries),
    galleries,
    runners: [takers, lookers],
    jobsKeptDays: 30,
    logger,
    onEnd: (job) => ends.push(job),
    ...more,
  })
  t.after(() => jobs.close())
  return { galleries, jobs, takers, lookers, ends, log }
}

let made = 0
export const createJob = async (jobs: Jobs, kind: JobKind, gallery = 'a') =>
  (await jobs.create({ id: `${kind}-${gallery}-${made++}`, kind, gallery, source: null })).job.id

export const stateOf = async (jobs: Jobs, id: string) => (await jobs.report(id)).job.state
