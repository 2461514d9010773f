/** `POST /v1/galleries/{gallery}/evaluate`, `…/duplicates`, `…/doctor`: analyses of a gallery, computed by a job. */
import { Type } from 'typebox'
import type { Analyses } from '../../analysis/analyses.js'
import {
  DoctorParameters,
  DuplicatesParameters,
  doctorTask,
  duplicatesTask,
  EvaluateParameters,
  evaluateTask,
} from '../../analysis/findings/parameters.js'
import { AlikeError } from '../../errors.js'
import { hasResult } from '../../jobs/job.js'
import type { Jobs } from '../../jobs/jobs.js'
import { sendJob } from '../accepted-job.js'
import { jobRoles } from '../job-roles.js'
import { Diagnosis, Duplicates, Evaluation, LaidOut } from '../schemas/analysis.js'
import { Job, JobPath, JobWishParameters } from '../schemas/job.js'
import { reference } from '../schemas/named.js'
import { GalleryPath } from '../schemas/parameters.js'
import { problems } from '../schemas/problem.js'
import type { Routes, TypedApp } from '../typed-app.js'

export interface AnalysisRouteOptions {
  analyses: Analyses
  jobs: Jobs
}

const tags = ['analysis']
const accepted = {
  202: { description: 'The job; its result will be at `/v1/jobs/{job}/result`.', ...reference(Job) },
  ...problems(400, 404, 409, 415, 422, 429, 503, 507),
}

export const analysisRoutes: Routes<AnalysisRouteOptions> = async (app, options) => {
  evaluate(app, options)
  findDuplicates(app, options)
  examine(app, options)
  getJobResult(app, options)
}

function evaluate(app: TypedApp, { analyses }: AnalysisRouteOptions): void {
  app.post(
    '/v1/galleries/:gallery/evaluate',
    {
      config: { role: jobRoles.evaluate },
      schema: {
        operationId: 'evaluate',
        tags,
        summary: 'Measure search quality on a gallery’s own labels',
        description:
          'Each labelled picture (or a sample of them) queries all others; copies of the query never count as hits. It also measures the recall of the index against exact search. The body is optional.',
        params: GalleryPath,
        querystring: JobWishParameters,
        body: { content: { 'application/json': { schema: EvaluateParameters } } },
        response: accepted,
      },
    },
    async (request, reply) => {
      const task = evaluateTask((request.body ?? {}) as Parameters<typeof evaluateTask>[0])
      return sendJob(reply, await analyses.accept(request.params.gallery, task, request.query))
    },
  )
}

function findDuplicates(app: TypedApp, { analyses }: AnalysisRouteOptions): void {
  app.post(
    '/v1/galleries/:gallery/duplicates',
    {
      config: { role: jobRoles.duplicates },
      schema: {
        operationId: 'findDuplicates',
        tags,
        summary: 'Find groups of near-copies',
        description:
          'Identical files and pictures with a near-copy score of at least `duplicateScore`, grouped transitively. The body is optional.',
        params: GalleryPath,
        querystring: JobWishParameters,
        body: { content: { 'application/json': { schema: DuplicatesParameters } } },
        response: accepted,
      },
    },
    async (request, reply) => {
      const task = duplicatesTask((request.body ?? {}) as Parameters<typeof duplicatesTask>[0])
      return sendJob(reply, await analyses.accept(request.params.gallery, task, request.query))
    },
  )
}

function examine(app: TypedApp, { analyses }: AnalysisRouteOptions): void {
  app.post(
    '/v1/galleries/:gallery/doctor',
    {
      config: { role: jobRoles.doctor },
      schema: {
        operationId: 'examine',
        tags,
        summary: 'Look for problems in a gallery',
        description:
          'Near-copies with different labels, labels that the neighbours contradict, hubs that turn up everywhere, and outliers. The body is optional.',
        params: GalleryPath,
        querystring: JobWishParameters,
        body: { content: { 'application/json': { schema: DoctorParameters } } },
        response: accepted,
      },
    },
    async (request, reply) => {
      const task = doctorTask((request.body ?? {}) as Parameters<typeof doctorTask>[0])
      return sendJob(reply, await analyses.accept(request.params.gallery, task, request.query))
    },
  )
}

const AnyResult = Type.Unsafe<string>(
  Type.Union([reference(Evaluation), reference(Duplicates), reference(Diagnosis), reference(LaidOut)]),
)

function getJobResult(app: TypedApp, { jobs }: AnalysisRouteOptions): void {
  app.get(
    '/v1/jobs/:job/result',
    {
      config: { role: 'read' },
      schema: {
        operationId: 'getJobResult',
        tags,
        summary: 'Read a job’s result',
        description:
          'For jobs of the kinds `evaluate`, `duplicates`, `doctor` and `layout` that have succeeded. It is kept as long as the job.',
        params: JobPath,
        response: {
          200: {
            description: 'The result; its `kind` says which.',
            content: { 'application/json': { schema: AnyResult } },
          },
          ...problems(400, 404),
        },
      },
    },
    async (request, reply) => {
      const { job } = await jobs.report(request.params.job)
      const result = await jobs.store.result(job.id)
      if (result === undefined)
        throw new AlikeError('job_result_missing', {
          detail: hasResult(job.kind) ? `It is ${job.state}.` : `A job of the kind ${job.kind} has none.`,
        })
      // JSON, sent as stored
      return reply.type('application/json').send(result)
    },
  )
}
