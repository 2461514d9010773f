/** Changes of a job: Server-Sent Events as an async iterable that survives broken connections. */
import { EventSourceParserStream } from 'eventsource-parser/stream'
import type { components } from './api.js'
import { itemsOf } from './items-of.js'
import { AlikeProblem } from './problems.js'
import { pause } from './retries.js'

export type Job = components['schemas']['Job']

/** `end` occurs once and last. */
export interface JobEvent {
  event: 'progress' | 'end'
  job: Job
}

export interface JobEventSource {
  /** Opens the stream of events. */
  connect(): Promise<Response>
  /** The current job, for a stream without events because the job has ended. */
  look(): Promise<Job>
  signal?: AbortSignal | undefined
}

/** Delay before reconnecting, unless the service specifies another. */
const reconnectAfterMs = 1000

/**
 * @throws AlikeProblem, AlikeUnreachable if the service cannot be reached again, or no longer has the job, or if something
 * else answers in its place
 */
export async function* jobEvents({ connect, look, signal }: JobEventSource): AsyncGenerator<JobEvent> {
  let reconnectMs = reconnectAfterMs
  const noteRetry = (ms: number) => void (reconnectMs = ms)
  for (;;) {
    const response = await connect()
    if (response.status === 204) return yield { event: 'end', job: await look() }
    await expectEvents(response)
    try {
      for await (const event of eventsIn(response, noteRetry)) {
        yield event
        if (event.event === 'end') return
      }
    } catch (error) {
      if (signal?.aborted === true) throw error
    }
    await pause(reconnectMs, signal)
  }
}

/** A proxy's page would be taken for a stream that breaks off again and again. */
async function expectEvents({ status, headers, body }: Response): Promise<void> {
  const type = headers.get('content-type') ?? ''
  if (body !== null && /^text\/event-stream\s*(;|$)/i.test(type)) return
  await body?.cancel()
  throw new AlikeProblem(status, { detail: `The answer is not a stream of events but "${type}".` })
}

async function* eventsIn(response: Response, onRetry: (ms: number) => void): AsyncGenerator<JobEvent> {
  const messages = response
    .body!.pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream({ onRetry, maxBufferSize: 2 ** 20 }))
  for await (const { event, data } of itemsOf(messages))
    if (event === 'progress' || event === 'end') yield { event, job: JSON.parse(data) as Job }
}
