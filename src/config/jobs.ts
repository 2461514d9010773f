/** Settings: uploads, analyses and what is told of their end. */
import { Type } from 'typebox'

export const jobSettings = {
  ingestMaxBytes: Type.Integer({
    default: 64 * 2 ** 30,
    minimum: 1024,
    maximum: 2 ** 50,
    description: 'Largest upload to a job, and most that it may unpack to.',
  }),
  ingestMaxFiles: Type.Integer({
    default: 1_000_000,
    minimum: 1,
    maximum: 100_000_000,
    description: 'Most files in one upload to a job.',
  }),
  ingestJobsMax: Type.Integer({
    default: 64,
    minimum: 1,
    maximum: 10_000,
    description:
      'Jobs that may wait or run; with so many, a further upload is refused with 429. Those that are being received by then are still taken.',
  }),
  uploadsMax: Type.Integer({
    default: 128,
    minimum: 1,
    maximum: 10_000,
    description: 'Uploads to jobs received at once; one more is refused with 429, unless another one lags.',
  }),
  uploadsPerCallerMax: Type.Integer({
    default: 64,
    minimum: 1,
    maximum: 10_000,
    description: 'The same for one key, or without keys one address.',
  }),
  uploadMinBytesPerSecond: Type.Integer({
    default: 1_024,
    minimum: 0,
    maximum: 2 ** 30,
    description: 'Pace that an upload to a job has to keep; 0: none.',
  }),
  uploadLagMaxMs: Type.Integer({
    default: 30_000,
    minimum: 100,
    maximum: 3_600_000,
    description:
      'How far an upload to a job may fall behind that pace before it is ended with 408; a sixth of it when its place is wanted.',
  }),
  analysisJobsMax: Type.Integer({
    default: 16,
    minimum: 1,
    maximum: 10_000,
    description: 'Analyses of galleries that may wait or run (one runs at a time); one more is refused with 429.',
  }),
  analysisMaxImages: Type.Integer({
    default: 1_000_000,
    minimum: 1,
    maximum: 2_000_000,
    description:
      'Pictures of a gallery up to which it is analysed; an evaluation holds its vectors in memory once more.',
  }),
  jobListenersMax: Type.Integer({
    default: 64,
    minimum: 1,
    maximum: 10_000,
    description: 'Callers that may follow jobs by events at once; one more is refused with 429.',
  }),
  jobsKeptDays: Type.Integer({
    default: 30,
    minimum: 0,
    maximum: 3650,
    description: 'Days for which ended jobs and their error reports are kept.',
  }),
  jobLeaseSeconds: Type.Integer({
    default: 20,
    minimum: 10,
    maximum: 3_600,
    description: 'With `POSTGRES_URL`: silence of a process after which another one goes on with its jobs.',
  }),
  webhookAllowedHosts: Type.String({
    default: '',
    description:
      'Hosts that may be told of the end of jobs, as in `URL_ALLOWED_HOSTS`; none: no job may have a webhook.',
  }),
  webhookSecret: Type.String({
    default: '',
    description:
      'What requests of webhooks are signed with: `whsec_` and base64, or any text; none: no job may have a webhook.',
  }),
  webhookAttemptsMax: Type.Integer({
    default: 10,
    minimum: 1,
    maximum: 100,
    description:
      'Attempts to tell a webhook, the first 5 seconds apart, each further one four times as long, up to 6 hours.',
  }),
  webhookTimeoutMs: Type.Integer({
    default: 10_000,
    minimum: 100,
    maximum: 120_000,
    description: 'Time that a webhook has to answer.',
  }),
}
