/** Sends pictures to a gallery in uploads, one job each, and collects the results. */
import { followJob, type Job } from '../api/follow-job.js'
import { fetchFrom } from '../api/service.js'
import { type FailedImage, jobErrors } from '../jobs/read-job-errors.js'
import { batchesOf } from './batches.js'
import { isArchive, type PathedFile } from './dropped-files.js'

export interface SendProgress {
  files: number
  sentFiles: number
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
  failed: FailedImage[]
}

/** @throws ServiceError */
export async function sendImages({ gallery, files, label, signal, onProgress }: SendOptions): Promise<SendResult> {
  const archives = files.filter(({ file }) => isArchive(file)).map((one) => [one])
  const batches = [...archives, ...batchesOf(files.filter(({ file }) => !isArchive(file)))]
  const result: SendResult = { stored: 0, skipped: 0, failed: [] }
  let sentFiles = 0
  for (const batch of batches) {
    onProgress({ files: files.length, sentFiles })
    const response = await fetchFrom(`v1/galleries/${gallery}/ingest${labelText(label)}`, {
      method: 'POST',
      body: bodyOf(batch),
      ...(isArchive(batch[0]!.file) && { headers: { 'content-type': 'application/octet-stream' } }),
      signal,
    })
    sentFiles += batch.length
    const { id } = (await response.json()) as Job
    const job = await followJob(id, {
      signal,
      onProgress: (job) => onProgress({ files: files.length, sentFiles, job }),
    })
    result.stored += job.added + job.updated
    result.skipped += job.skipped
    if (job.failed > 0 || job.replaced > 0) result.failed.push(...(await jobErrors(id, signal)).filter(isFailure))
    if (job.state === 'failed' && job.failed === 0)
      result.failed.push({ name: batch[0]!.path, code: job.failure?.code ?? '', detail: job.failure?.detail ?? '' })
  }
  return result
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
