/** `GET /v1/jobs/{job}/events`: live progress of a job. */
import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import { AlikeError } from '../../errors.js'
import type { Jobs } from '../../jobs/jobs.js'
import type { Metrics } from '../../metrics/metrics.js'
import { whenGone } from '../client-gone.js'
import { endId, jobEvents } from '../job-events.js'
import type { Guard } from '../plugins/access.js'
import { JobPath, jobView } from '../schemas/job.js'
import { problems } from '../schemas/problem.js'
import { SharedPlaces } from '../shared-places.js'
import type { Routes, TypedApp } from '../typed-app.js'

export interface JobEventRouteOptions {
  jobs: Jobs
  metrics: Metrics
  stillAdmits: Guard['stillAdmits']
  callerOf: Guard['callerOf']
  /** Maximum number of clients following jobs. */
  jobListenersMax: number
}

const Headers = Type.Object({
  'last-event-id': Type.Optional(Type.String({ description: 'Sent by browsers that reconnect.' })),
})
const Events = Type.Unsafe<Readable>(
  Type.String({
    examples: [
      'retry: 2000\n\nevent: progress\nid: 620\ndata: {"state":"running","done":620,"total":1841,"picturesPerSecond":96.4,"secondsLeft":12.7}\n\n',
    ],
  }),
)

export const jobEventRoutes: Routes<JobEventRouteOptions> = async (app, options) => {
  const { jobs, stillAdmits, callerOf } = options
  const listeners = openListeners(app, options)

  app.get(
    '/v1/jobs/:job/events',
    {
      config: { role: 'read' },
      schema: {
        operationId: 'followJob',
        tags: ['jobs'],
        summary: 'Follow a job',
        description:
          'Server-sent events: `progress` with the job as returned by `GET /v1/jobs/{job}`, whenever it has changed (at most twice a second), and `end` when it has ended; then the connection closes. The first event is the job’s current state, so a reconnecting client misses nothing; one that reconnects after `end` gets `204`. Comments keep an idle connection open.',
        params: JobPath,
        headers: Headers,
        response: {
          200: { description: 'The events.', content: { 'text/event-stream': { schema: Events } } },
          204: { description: 'The job has ended, and the caller has received its `end` event.', ...Type.Null() },
          ...problems(400, 404, 429, 503),
        },
      },
    },
    async (request, reply) => {
      const { job } = await jobs.report(request.params.job)
      if (job.finishedAt !== null && request.headers['last-event-id'] === endId(job.id))
        return reply.code(204).send(null)
      const signal = addListener(listeners, callerOf(request), reply)
      const events = jobEvents({
        jobs,
        jobId: job.id,
        view: jobView,
        mayRead: () => stillAdmits(request),
        signal,
      })
      // Neither caches nor proxies may buffer live events.
      reply.type('text/event-stream').header('cache-control', 'no-store').header('x-accel-buffering', 'no')
      return reply.send(Readable.from(events, { objectMode: false }))
    },
  )
}

/** The clients that follow a job. */
interface Listeners {
  places: SharedPlaces
  /** What ends their connections. */
  leaving: Set<AbortController>
}

function openListeners(app: TypedApp, { metrics, jobListenersMax }: JobEventRouteOptions): Listeners {
  const listeners = { places: new SharedPlaces(jobListenersMax), leaving: new Set<AbortController>() }
  metrics.watch({ jobListeners: () => listeners.places.taken })
  // Before the server waits for its connections: these would stay open until their job ends.
  app.addHook('preClose', async () => {
    for (const listener of listeners.leaving) listener.abort()
  })
  return listeners
}

/**
 * @returns what aborts when the client has gone or the service closes
 * @throws AlikeError `job_listeners_full`
 */
function addListener({ places, leaving }: Listeners, caller: string, reply: FastifyReply): AbortSignal {
  const leave = places.tryTake(caller)
  if (leave === undefined)
    throw new AlikeError('job_listeners_full', {
      detail: `${places.taken} clients follow jobs already; the last places are for callers that follow none.`,
      retryAfterSeconds: 30,
    })
  const listener = new AbortController()
  leaving.add(listener)
  whenGone(reply, () => {
    listener.abort()
    leaving.delete(listener)
    leave()
  })
  return listener.signal
}
