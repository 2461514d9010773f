/** Settings: uploads, analyses, and notifications of their end. */
import { Type } from 'typebox'

export const jobSettings = {
  ingestMaxBytes: Type.Integer({
    default: 64 * 2 ** 30,
    minimum: 1024,
    maximum: 2 ** 50,
    description: 'Maximum size of an upload to a job, and of what it unpacks to.',
  }),
  ingestMaxFiles: Type.Integer({
    default: 1_000_000,
    minimum: 1,
    maximum: 100_000_000,
    description: 'Maximum number of files in an upload to a job.',
  }),
  ingestJobsMax: Type.Integer({
    default: 64,
    minimum: 1,
    maximum: 10_000,
    description:
      'Maximum number of ingestion jobs waiting or running; further uploads get 429, but those already being received are accepted.',
  }),
  ingestJobsAtOnce: Type.Integer({
    default: 2,
    minimum: 1,
    maximum: 16,
    description:
      'Maximum number of ingestion jobs that a process runs at once, each of another gallery; they share decoders and model, and each takes more memory.',
  }),
  uploadsMax: Type.Integer({
    default: 128,
    minimum: 1,
    maximum: 10_000,
    description: 'Maximum concurrent uploads to jobs; further ones get 429, unless another upload is too slow.',
  }),
  uploadsPerCallerMax: Type.Integer({
    default: 64,
    minimum: 1,
    maximum: 10_000,
    description: 'The same per key, or without keys per address.',
  }),
  uploadMinBytesPerSecond: Type.Integer({
    default: 1_024,
    minimum: 0,
    maximum: 2 ** 30,
    description: 'Minimum rate of an upload to a job; 0: none.',
  }),
  uploadLagMaxMs: Type.Integer({
    default: 30_000,
    minimum: 100,
    maximum: 3_600_000,
    description:
      'How far an upload may fall behind that rate before it is aborted with 408; a sixth of it when its place is needed.',
  }),
  analysisJobsMax: Type.Integer({
    default: 16,
    minimum: 1,
    maximum: 10_000,
    description: 'Maximum number of analyses waiting or running (one runs at a time); further ones get 429.',
  }),
  analysisMaxImages: Type.Integer({
    default: 1_000_000,
    minimum: 1,
    maximum: 2_000_000,
    description:
      'Maximum number of pictures in a gallery that is analysed; an evaluation needs another copy of its vectors in memory.',
  }),
  jobListenersMax: Type.Integer({
    default: 64,
    minimum: 1,
    maximum: 10_000,
    description:
      'Maximum number of clients following jobs by events, the last quarter for callers that follow none yet; further ones get 429.',
  }),
  jobsKeptDays: Type.Integer({
    default: 30,
    minimum: 0,
    maximum: 3650,
    description:
      'Days for which ended jobs and their error reports are kept (0: nobody can read how a job ended); at least one with `WATCH_FOLDERS`, longer while a webhook has yet to be notified.',
  }),
  jobLeaseSeconds: Type.Integer({
    default: 20,
    minimum: 10,
    maximum: 3_600,
    description:
      'With `POSTGRES_URL`: time without a sign of life after which another process takes over a process’s jobs.',
  }),
  webhookAllowedHosts: Type.String({
    default: '',
    description:
      'Hosts that webhooks may notify of the end of jobs, as in `URL_ALLOWED_HOSTS`; none: webhooks are disabled.',
  }),
  webhookSecret: Type.String({
    default: '',
    description: 'Secret that signs webhook requests: `whsec_` and base64, or any text; none: webhooks are disabled.',
  }),
  webhookAttemptsMax: Type.Integer({
    default: 10,
    minimum: 1,
    maximum: 100,
    description:
      'Maximum attempts to notify a webhook; the wait before the next one is 5 seconds at first, then four times as long each time, up to 6 hours.',
  }),
  webhookTimeoutMs: Type.Integer({
    default: 10_000,
    minimum: 100,
    maximum: 120_000,
    description: 'Time for a webhook to answer.',
  }),
}
