/** Sends jobs and waits for them. */
import assert from 'node:assert/strict'
import type { Answer, TestApp } from './app.js'
import { until } from './until.js'

export type Job = Answer['jobs'][number]
export interface ErrorLine {
  item: number
  name: string
  code: string
  detail: string
}

export async function sendJob(
  { app }: TestApp,
  gallery: string,
  headers: Record<string, string>,
  payload: Buffer,
  query = '',
): Promise<Job> {
  const response = await app.inject({ method: 'POST', url: `${gallery}/ingest${query}`, headers, payload })
  assert.equal(response.statusCode, 202, response.body)
  const job = response.json<Job>()
  assert.equal(response.headers.location, `/v1/jobs/${job.id}`)
  return job
}

export async function endedJob({ app }: TestApp, { id }: Job): Promise<Job> {
  const ended = async () => {
    const job = (await app.inject(`/v1/jobs/${id}`)).json<Job>()
    // other kinds count only at their end what they have looked at before
    if (job.kind === 'ingest' || job.finishedAt !== null)
      assert.equal(job.done, job.added + job.updated + job.removed + job.skipped + job.failed)
    return job.finishedAt !== null && job
  }
  return until(ended, 'the end of the job', 240_000)
}

export async function errorsOf({ app }: TestApp, { id }: Job): Promise<ErrorLine[]> {
  const response = await app.inject(`/v1/jobs/${id}/errors`)
  assert.equal(response.headers['content-type'], 'application/x-ndjson')
  return response.body
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as ErrorLine)
}
