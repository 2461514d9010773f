/** Changes of a job: Server-Sent Events as an async iterable that survives broken connections. */
import { EventSourceParserStream } from 'eventsource-parser/stream'
import type { components } from './api.js'
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

/** @throws AlikeProblem, AlikeUnreachable if the service cannot be reached again, or no longer has the job */
export async function* jobEvents({ connect, look, signal }: JobEventSource): AsyncGenerator<JobEvent> {
  let reconnectMs = reconnectAfterMs
  const noteRetry = (ms: number) => void (reconnectMs = ms)
  for (;;) {
    const response = await connect()
    if (response.status === 204) return yield { event: 'end', job: await look() }
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

async function* eventsIn(response: Response, onRetry: (ms: number) => void): AsyncGenerator<JobEvent> {
  const messages = response
    .body!.pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream({ onRetry, maxBufferSize: 2 ** 20 }))
  for await (const { event, data } of messages)
    if (event === 'progress' || event === 'end') yield { event, job: JSON.parse(data) as Job }
}
