/** A job's progress as it happens, until its end. */
import { EventSourceParserStream } from 'eventsource-parser/stream'
import { answerOf, fetchFrom, type Schemas, service } from './service.js'

export type Job = Schemas['Job']

/** When a connection broke off. */
const againMs = 1_500

export interface FollowOptions {
  signal: AbortSignal
  onProgress?: ((job: Job) => void) | undefined
}

/** Resolves with the job when it has ended. @throws ServiceError, and when the signal aborts */
export async function followJob(id: string, { signal, onProgress = () => undefined }: FollowOptions): Promise<Job> {
  for (;;) {
    try {
      for await (const job of eventsOf(id, signal)) {
        onProgress(job)
        if (job.finishedAt !== null) return job
      }
    } catch (error) {
      // a connection that broke is no end of the job; a refusal is one of this call
      if (!(error instanceof TypeError) || signal.aborted) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, againMs))
    const job = await answerOf(service.GET('/v1/jobs/{job}', { params: { path: { job: id } }, signal }))
    onProgress(job)
    if (job.finishedAt !== null) return job
  }
}

/** Browsers' own EventSource sends no headers, so it cannot bring a key. */
async function* eventsOf(id: string, signal: AbortSignal): AsyncGenerator<Job> {
  const { body } = await fetchFrom(`v1/jobs/${id}/events`, { signal })
  if (body === null) return
  const events = body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream())
  for await (const { data } of events) yield JSON.parse(data) as Job
}
