/** Jobs with pictures that crash the process, and a service that is restarted until such a job has ended. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { temporaryFolder } from './app.js'
import { deadlyMark } from './deadly.js'
import { drawImage, drawnLabels } from './drawn-images.js'
import { handmadeModel } from './handmade-onnx.js'
import type { Job } from './jobs.js'
import { type ServiceProcess, startProcess } from './service-process.js'
import { until } from './until.js'

const deadly = { NODE_OPTIONS: `--import=${new URL('./deadly.js', import.meta.url).href}` }

export async function deadlySettings(t: TestContext): Promise<Record<string, string>> {
  return {
    DATA_DIR: await temporaryFolder(t),
    MODEL_DIR: (await handmadeModel(t, { dimension: 24 })).folder,
    ...deadly,
  }
}

export async function upload({ address }: ServiceProcess, lines: string, gallery = 'g'): Promise<string> {
  await fetch(`${address}/v1/galleries/${gallery}`, { method: 'PUT' })
  const response = await fetch(`${address}/v1/galleries/${gallery}/ingest`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: lines,
  })
  assert.equal(response.status, 202)
  return ((await response.json()) as Job).id
}

/** Follows the job until it ends or the process does. */
export async function follow({ address }: ServiceProcess, id: string): Promise<Job | undefined> {
  const { job } = await until(async () => {
    const job = await fetch(`${address}/v1/jobs/${id}`)
      .then((response) => response.json() as Promise<Job>)
      .catch(() => undefined)
    return (job === undefined || job.finishedAt !== null) && { job }
  }, 'the end of the job')
  return job
}

/** Starts the service until the job has ended. */
export async function startUntilEnded(
  t: TestContext,
  environment: Record<string, string>,
  lines: string,
  startsMax: number,
): Promise<{ job: Job; service: ServiceProcess; starts: number }> {
  const { jobs, ...rest } = await startUntilAllEnded(t, environment, { g: lines }, startsMax)
  return { job: jobs[0]!, ...rest }
}

/** @param uploads by gallery */
export async function startUntilAllEnded(
  t: TestContext,
  environment: Record<string, string>,
  uploads: Record<string, string>,
  startsMax: number,
): Promise<{ jobs: Job[]; service: ServiceProcess; starts: number }> {
  const ids: string[] = []
  for (let starts = 1; starts <= startsMax; starts++) {
    const service = await startProcess(t, environment).catch((error: unknown) => {
      if (/ended with SIGKILL/.test(String(error))) return undefined
      throw error
    })
    if (service === undefined) continue
    for (const [gallery, lines] of Object.entries(uploads).slice(ids.length))
      ids.push(await upload(service, lines, gallery))
    const jobs = await Promise.all(ids.map((id) => follow(service, id)))
    if (jobs.every((job) => job !== undefined)) return { jobs, service, starts }
  }
  throw new Error(`the jobs have not ended after ${startsMax} starts`)
}

const line = (id: number, image: Buffer) =>
  `${JSON.stringify({ add: { id: String(id), image: image.toString('base64') } })}\n`

export async function linesWith(deadlyAt: number[], count: number): Promise<string> {
  const picture = await drawImage(drawnLabels[0]!, 1, { width: 16, height: 16, format: 'png' })
  const marked = Buffer.concat([picture, Buffer.from(deadlyMark)])
  return Array.from({ length: count }, (_, i) =>
    line(i, deadlyAt.includes(i) ? marked : Buffer.concat([picture, Buffer.from(String(i))])),
  ).join('')
}
