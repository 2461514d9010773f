/** `/v1/jobs`: the state of jobs, their error reports, and how to stop one. */
import { Readable } from 'node:stream'
import { type Static, Type } from 'typebox'
import { type Grant, reaches } from '../../access/grants.js'
import { AlikeError } from '../../errors.js'
import type { JobError } from '../../gallery/job-progress.js'
import type { JobStore } from '../../jobs/job-store.js'
import type { Jobs } from '../../jobs/jobs.js'
import { nextTurn } from '../../turns.js'
import { jobRoles } from '../job-roles.js'
import { expectVerb } from '../plugins/access.js'
import { Job, JobErrorLine, JobList, JobListParameters, JobPath, JobSteering, jobView } from '../schemas/job.js'
import { reference } from '../schemas/named.js'
import { problems } from '../schemas/problem.js'
import type { Routes, TypedApp } from '../typed-app.js'

export interface JobRouteOptions {
  jobs: Jobs
}

const tags = ['jobs']

export const jobRoutes: Routes<JobRouteOptions> = async (app, options) => {
  listJobs(app, options)
  getJob(app, options)
  getJobErrors(app, options)
  steerJob(app, options)
  cancelJob(app, options)
}

function listJobs(app: TypedApp, { jobs }: JobRouteOptions): void {
  app.get(
    '/v1/jobs',
    {
      config: { role: 'read', galleries: 'own' },
      schema: {
        operationId: 'listJobs',
        tags,
        summary: 'List jobs, newest first',
        querystring: JobListParameters,
        response: { 200: { description: 'Jobs.', ...JobList }, ...problems(400) },
      },
    },
    async (request) => {
      const { gallery, kind, state, limit = 50 } = request.query
      if (request.grant?.galleries !== undefined && (gallery === undefined || !reaches(request.grant, gallery)))
        throw new AlikeError('gallery_forbidden', { detail: 'Specify one of its galleries.' })
      return { jobs: (await jobs.list({ limit, gallery, kinds: kind, states: state })).map(jobView) }
    },
  )
}

function getJob(app: TypedApp, { jobs }: JobRouteOptions): void {
  app.get(
    '/v1/jobs/:job',
    {
      config: { role: 'read' },
      schema: {
        operationId: 'getJob',
        tags,
        summary: 'Get a job',
        params: JobPath,
        response: { 200: { description: 'The current state of the job.', ...reference(Job) }, ...problems(400, 404) },
      },
    },
    async (request) => jobView(await jobs.report(request.params.job)),
  )
}

function getJobErrors(app: TypedApp, { jobs }: JobRouteOptions): void {
  app.get(
    '/v1/jobs/:job/errors',
    {
      config: { role: 'read' },
      schema: {
        operationId: 'getJobErrors',
        tags,
        summary: 'Read a job’s error report',
        description: 'One JSON object per line, in the order of the upload. For a running job: those so far.',
        params: JobPath,
        response: {
          200: {
            description:
              'One line for each picture that was not stored, or that replaced an earlier one from the same upload.',
            content: { 'application/x-ndjson': { schema: Type.Unsafe<Readable>(JobErrorLine) } },
          },
          ...problems(400, 404),
        },
      },
    },
    async (request, reply) => {
      const { job } = await jobs.report(request.params.job)
      const first = await jobs.store.errors(job.id, { limit: linesOfPage }) // damage found here still gets a status
      const lines = Readable.from(errorLines(job.id, jobs.store, first), { objectMode: false })
      return reply.type('application/x-ndjson').send(lines)
    },
  )
}

function steerJob(app: TypedApp, { jobs }: JobRouteOptions): void {
  app.patch(
    '/v1/jobs/:job',
    {
      config: { role: 'write' },
      schema: {
        operationId: 'steerJob',
        tags,
        summary: 'Pause or resume a job, or change its priority',
        description:
          'A paused ingestion resumes after the last picture it stored, an analysis from its beginning. Priority orders waiting jobs: a running job is not interrupted for another. Re-embeddings and moves need the verb `admin`.',
        params: JobPath,
        body: JobSteering,
        response: {
          200: { description: 'The current state of the job.', ...reference(Job) },
          ...problems(400, 404, 409, 415, 507),
        },
      },
    },
    async (request) => {
      await expectSteering(request.grant, request.params.job, jobs)
      return jobView(await jobs.steer(request.params.job, request.body as Static<typeof JobSteering>))
    },
  )
}

function cancelJob(app: TypedApp, { jobs }: JobRouteOptions): void {
  app.delete(
    '/v1/jobs/:job',
    {
      config: { role: 'write', verb: 'write' },
      schema: {
        operationId: 'cancelJob',
        tags,
        summary: 'Cancel a job',
        description:
          'Pictures that it has already stored stay in the gallery. Re-embeddings and moves need the verb `admin`.',
        params: JobPath,
        response: { 200: { description: 'The job as it ended.', ...reference(Job) }, ...problems(400, 404, 409, 507) },
      },
    },
    async (request) => {
      await expectSteering(request.grant, request.params.job, jobs)
      return jobView(await jobs.cancel(request.params.job))
    },
  )
}

/** Who may not start such a job may not stop it either. @throws AlikeError `forbidden`, `job_not_found` */
async function expectSteering(grant: Grant | undefined, jobId: string, jobs: Jobs): Promise<void> {
  const { job } = await jobs.report(jobId)
  expectVerb(grant, jobRoles[job.kind])
}

/** Lines read at once: they take less memory than a stream is counted as. */
const linesOfPage = 100

/**
 * Page by page, so that a report of a million lines is never in memory, each page in its own turn of the event loop: a
 * fast reader would otherwise get all of them in one.
 */
async function* errorLines(jobId: string, jobs: JobStore, first: JobError[]): AsyncGenerator<string> {
  for (
    let page = first;
    page.length > 0;
    page = await jobs.errors(jobId, { fromItem: page.at(-1)!.item + 1, limit: linesOfPage })
  ) {
    yield page.map((line) => `${JSON.stringify(line)}\n`).join('')
    await nextTurn()
  }
}
