/** `POST /v1/galleries/{gallery}/ingest/s3`: the pictures of an allowed bucket, ingested by a job. */
import type { Static } from 'typebox'
import type { Ingest } from '../../ingest/ingest.js'
import { sendJob } from '../accepted-job.js'
import { jobRoles } from '../job-roles.js'
import { IngestFromS3, IngestFromS3Parameters } from '../schemas/ingest.js'
import { Job } from '../schemas/job.js'
import { reference } from '../schemas/named.js'
import { GalleryPath } from '../schemas/parameters.js'
import { problems } from '../schemas/problem.js'
import type { Routes } from '../typed-app.js'

export const ingestS3Routes: Routes<{ ingest: Ingest }> = async (app, { ingest }) => {
  app.post(
    '/v1/galleries/:gallery/ingest/s3',
    {
      config: { role: jobRoles.ingest },
      schema: {
        operationId: 'ingestFromS3',
        tags: ['jobs'],
        summary: 'Ingest pictures from an S3 bucket',
        description:
          'A job lists the objects below the prefix once and then ingests them one after another; it resumes where it stopped. Only buckets in `INGEST_S3_BUCKETS` are read, with the service’s own credentials. Pictures that are already stored are skipped.',
        params: GalleryPath,
        querystring: IngestFromS3Parameters,
        body: IngestFromS3,
        response: {
          202: { description: 'The job; it begins by listing the objects.', ...reference(Job) },
          ...problems(400, 404, 409, 415, 422, 429, 503, 507),
        },
      },
    },
    async (request, reply) => {
      const { bucket, prefix = '' } = request.body as Static<typeof IngestFromS3>
      const content = { bucket, prefix }
      return sendJob(reply, await ingest.accept({ gallery: request.params.gallery, content, ...request.query }))
    },
  )
}
