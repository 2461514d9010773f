/** Draws the demo gallery and sends it to the service through its public API. */
import { followJob, type Job } from '../api/follow-job.js'
import { answerOf, fetchFrom, service } from '../api/service.js'
import { type DemoImage, drawDemoImage } from './demo-images.js'

export interface DemoProgress {
  drawn: number
  job?: Job | undefined
}

export interface DemoOptions {
  name: string
  count: number
  signal: AbortSignal
  onProgress: (progress: DemoProgress) => void
}

/** @throws ServiceError */
export async function makeDemoGallery({ name, count, signal, onProgress }: DemoOptions): Promise<void> {
  const lines: string[] = []
  for (let place = 0; place < count && !signal.aborted; place++) {
    lines.push(await lineOf(await drawDemoImage(place)))
    if (place % 10 === 9) onProgress({ drawn: place + 1 })
  }
  signal.throwIfAborted()
  // not before: a page that is closed while it draws would leave an empty one behind
  await answerOf(service.PUT('/v1/galleries/{gallery}', { params: { path: { gallery: name } }, signal }))
  const response = await fetchFrom(`v1/galleries/${name}/ingest`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: new Blob(lines),
    signal,
  })
  const { id } = (await response.json()) as Job
  await followJob(id, { signal, onProgress: (job) => onProgress({ drawn: count, job }) })
}

async function lineOf({ id, label, metadata, image }: DemoImage): Promise<string> {
  return `${JSON.stringify({ add: { id, label, metadata, image: await base64Of(image) } })}\n`
}

function base64Of(blob: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader()
    reader.onload = () => resolve(String(reader.result).replace(/^data:[^,]*,/, ''))
    reader.onerror = () => reject(reader.error)
    reader.readAsDataURL(blob)
  })
}
