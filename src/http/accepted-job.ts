/** The answer to a request for a job. */
import type { FastifyReply } from 'fastify'
import type { JobReport } from '../jobs/jobs.js'
import { jobView } from './schemas/job.js'

/** @param status 200: the job was already there */
export function sendJob(reply: FastifyReply, report: JobReport, status: 200 | 202 = 202): FastifyReply {
  return reply.code(status).header('location', `/v1/jobs/${report.job.id}`).send(jobView(report))
}
