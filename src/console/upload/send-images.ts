/** Sends pictures to a gallery in uploads, one job each, and collects the results. */
import { followJob, type Job } from '../api/follow-job.js'
import { answerOf, fetchFrom, service } from '../api/service.js'
import { ServiceError } from '../api/service-error.js'
import { type FailedImage, jobErrors } from '../jobs/read-job-errors.js'
import { batchesOf } from './batches.js'
import { isArchive, type PathedFile } from './dropped-files.js'

export interface SendProgress {
  files: number
  sentFiles: number
  /** Pictures stored so far, by earlier jobs too. */
  stored: number
  job?: Job | undefined
}

export interface SendOptions {
  gallery: string
  files: readonly PathedFile[]
  /** For pictures outside any folder. */
  label?: string | undefined
  signal: AbortSignal
  onProgress: (progress: SendProgress) => void
}

export interface SendResult {
  stored: number
  skipped: number
  /** Including those that were not sent. */
  failed: FailedImage[]
  /** What ended it before all were sent. */
  error?: unknown
}

/** @throws when the signal aborts, which also cancels the job under way */
export async function sendImages(options: SendOptions): Promise<SendResult> {
  const { files, signal, onProgress } = options
  const archives = files.filter(({ file }) => isArchive(file)).map((one) => [one])
  const batches = [...archives, ...batchesOf(files.filter(({ file }) => !isArchive(file)))]
  const result: SendResult = { stored: 0, skipped: 0, failed: [] }
  let sentFiles = 0
  for (const [place, batch] of batches.entries()) {
    const tell = (job?: Job) =>
      onProgress({ files: files.length, sentFiles, stored: result.stored + (job ? job.added + job.updated : 0), job })
    tell()
    let id: string | undefined
    try {
      id = await sendBatch(options, batch)
      sentFiles += batch.length
      const job = await followJob(id, { signal, onProgress: tell })
      // nothing stored: the report may say that there were no pictures
      const hasReport = job.failed > 0 || job.replaced > 0 || job.added + job.updated === 0
      const errors = hasReport ? await jobErrors(id, signal) : []
      result.failed.push(...errors.filter(isFailure), ...unfinished(batch, job))
      result.stored += job.added + job.updated
      result.skipped += job.skipped
    } catch (error) {
      if (signal.aborted) {
        await cancel(id)
        throw error
      }
      if (isOwnRefusal(error)) {
        sentFiles += batch.length
        result.failed.push(...batch.map(({ path }) => ({ name: path, code: 'refused', detail: error.message })))
        continue
      }
      const notSent = batches.slice(place).flat()
      result.failed.push(...notSent.map(({ path }) => ({ name: path, code: 'not sent', detail: '' })))
      return { ...result, error }
    }
  }
  return result
}

/** Of what was sent, such as a damaged archive, and not of whatever is sent next. */
function isOwnRefusal(error: unknown): error is ServiceError {
  return error instanceof ServiceError && (error.status === 413 || error.status === 422)
}

async function cancel(job: string | undefined): Promise<void> {
  if (job === undefined) return
  // it may have ended in the meantime
  await answerOf(service.DELETE('/v1/jobs/{job}', { params: { path: { job } } })).catch(() => undefined)
}

/** The id of its job. @throws ServiceError */
async function sendBatch({ gallery, label, signal }: SendOptions, batch: readonly PathedFile[]): Promise<string> {
  const response = await fetchFrom(`v1/galleries/${gallery}/ingest${labelText(label)}`, {
    method: 'POST',
    body: bodyOf(batch),
    ...(isArchive(batch[0]!.file) && { headers: { 'content-type': 'application/octet-stream' } }),
    signal,
  })
  return ((await response.json()) as Job).id
}

/** The files that a job had not reached when it was cancelled or failed as a whole. */
function unfinished(batch: readonly PathedFile[], { state, failure, done }: Job): FailedImage[] {
  const isCut = state === 'cancelled' || (state === 'failed' && failure?.code !== 'job_items_failed')
  if (!isCut) return []
  // it takes them in order; of an archive it is not known which
  const left = isArchive(batch[0]!.file) ? batch : batch.slice(done)
  return left.map(({ path }) => ({ name: path, code: failure?.code ?? state, detail: failure?.detail ?? '' }))
}

function bodyOf(batch: readonly PathedFile[]): BodyInit {
  const [{ file }] = batch as [PathedFile]
  if (isArchive(file)) return file
  const form = new FormData()
  for (const one of batch) form.append('image', one.file, one.path)
  return form
}

function labelText(label: string | undefined): string {
  return label === undefined || label === '' ? '' : `?${new URLSearchParams({ label }).toString()}`
}

/** A replaced picture is reported as well but is stored, and data after the end of an archive is not a picture. */
function isFailure({ code }: FailedImage): boolean {
  return code !== 'id_repeated' && code !== 'archive_trailing_bytes'
}
