/** Follows a job's progress live until it ends. */
import { EventSourceParserStream } from 'eventsource-parser/stream'
import { answerOf, fetchFrom, type Schemas, service } from './service.js'
import { ServiceError } from './service-error.js'

export type Job = Schemas['Job']

/** Delay after a broken connection. */
const againMs = 1_500

export interface FollowOptions {
  signal: AbortSignal
  onProgress?: ((job: Job) => void) | undefined
}

/** Resolves with the finished job. @throws ServiceError, and when the signal aborts */
export async function followJob(id: string, { signal, onProgress = () => undefined }: FollowOptions): Promise<Job> {
  for (;;) {
    try {
      for await (const job of eventsOf(id, signal)) {
        onProgress(job)
        if (job.finishedAt !== null) return job
      }
      // without events because it has ended
      const job = await answerOf(service.GET('/v1/jobs/{job}', { params: { path: { job: id } }, signal }))
      onProgress(job)
      if (job.finishedAt !== null) return job
    } catch (error) {
      // a broken connection does not end the job; a refusal ends this call
      if (!isBrokenConnection(error) || signal.aborted) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, againMs))
  }
}

/** To the service, or from a proxy to it. */
function isBrokenConnection(error: unknown): boolean {
  return error instanceof TypeError || (error instanceof ServiceError && [502, 503, 504].includes(error.status))
}

/** The browser's own EventSource cannot send headers, and so no key. */
async function* eventsOf(id: string, signal: AbortSignal): AsyncGenerator<Job> {
  const { body } = await fetchFrom(`v1/jobs/${id}/events`, { signal })
  if (body === null) return
  const events = body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream())
  for await (const { data } of itemsOf(events)) yield JSON.parse(data) as Job
}

/** Safari cannot iterate over a stream itself (26.0). The client has the same, but only its contract is known here. */
async function* itemsOf<Item>(stream: ReadableStream<Item>): AsyncGenerator<Item> {
  const reader = stream.getReader()
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value
  } finally {
    await reader.cancel()
  }
}
