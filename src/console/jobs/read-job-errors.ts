/** Loads the error report of a job. */
import { fetchFrom } from '../api/service.js'

export interface FailedImage {
  /** The path in the upload. */
  name: string
  code: string
  detail: string
}

/** @throws ServiceError */
export async function jobErrors(job: string, signal: AbortSignal): Promise<FailedImage[]> {
  const text = await (await fetchFrom(`v1/jobs/${job}/errors`, { signal })).text()
  const lines = text.split('\n').filter((line) => line !== '')
  return lines.map((line) => JSON.parse(line) as FailedImage)
}
