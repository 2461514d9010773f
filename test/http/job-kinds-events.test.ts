/** The events of every kind of job: they follow its progress, end when it ends, and leave nothing behind. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { NewImage } from '../../src/gallery/records.js'
import { jobEvents } from '../../src/http/job-events.js'
import type { JobKind } from '../../src/jobs/job.js'
import { seededRandom, unitVectors } from '../engines/embedded/vector-index/unit-vectors.js'
import { putImages } from '../gallery/stored-images.js'
import { startApp, type TestApp } from '../support/app.js'
import { tarOf } from '../support/archives.js'
import { randomDescriptor } from '../support/copy-descriptors.js'
import { drawImage } from '../support/drawn-images.js'
import type { Job } from '../support/jobs.js'
import { until } from '../support/until.js'

const gallery = '/v1/galleries/followed'
const kinds = ['ingest', 'evaluate', 'duplicates', 'doctor'] as const satisfies readonly JobKind[]
const pictures = 1_500

/** A gallery whose analyses take long enough to watch. */
async function filledApp(t: TestContext): Promise<TestApp> {
  // fetch reconnects after an abort, and an idle connection is only closed after the grace period
  const app = await startApp(t, { shutdownGraceMs: 1_000 })
  await app.call(201, { method: 'PUT', url: gallery })
  const { id: modelId, embeddingDimension: dimension } = app.parts.models.standard.model.manifest
  const make = unitVectors({ dimension, seed: 3 })
  const signs = seededRandom(4)
  const images = Array.from(
    { length: pictures },
    (_, i): NewImage => ({
      id: `p${i}`,
      label: `l${i % 5}`,
      metadata: {},
      contentHash: `${i}`,
      modelId,
      vector: make(),
      width: 1,
      height: 1,
      format: 'jpeg',
      bytes: 1,
      copyDescriptor: randomDescriptor(signs),
    }),
  )
  await putImages(app.parts.galleries.images, 'followed', images)
  return app
}

async function begin({ app }: TestApp, kind: JobKind): Promise<Job> {
  const image = await drawImage('circle', 1)
  const tar = () =>
    tarOf(
      Array.from({ length: 150 }, (_, n) => ({
        path: `x/${n}.jpg`,
        content: Buffer.concat([image, Buffer.from(String(n))]),
      })),
    )
  const upload = kind === 'ingest' ? { headers: { 'content-type': 'application/x-tar' }, payload: await tar() } : {}
  const response = await app.inject({ method: 'POST', url: `${gallery}/${kind}`, ...upload })
  assert.equal(response.statusCode, 202, response.body)
  return response.json<Job>()
}

interface Event {
  event: 'progress' | 'end'
  data: Job
}

function parse(text: string): Event[] {
  return text
    .split('\n\n')
    .filter((block) => block.startsWith('event: '))
    .map((block) => {
      const [event, , data] = block.split('\n').map((line) => line.slice(line.indexOf(':') + 2))
      return { event: event as Event['event'], data: JSON.parse(data!) as Job }
    })
}

const jobAt = ({ app }: TestApp, { id }: Job) => app.inject(`/v1/jobs/${id}`).then((response) => response.json<Job>())

async function untilNobodyListens({ app }: TestApp): Promise<void> {
  await until(
    async () => /^alike_job_listeners 0$/m.test((await app.inject('/metrics')).body),
    'the last listener leaving',
  )
}

for (const kind of kinds) {
  test(`events of ${kind} show its progress, and the last one is its end`, async (t) => {
    const app = await filledApp(t)
    const address = await app.listen()
    const job = await begin(app, kind)
    // it goes on once it is followed, and is polled closely, so that the speed of the machine does not matter
    const steer = (paused: boolean) =>
      app.call<Job>(200, { method: 'PATCH', url: `/v1/jobs/${job.id}`, payload: { paused } })
    await steer(true)
    const seen: Job[] = []
    const closely = async () => {
      const events = jobEvents({
        jobs: app.parts.jobs,
        jobId: job.id,
        view: ({ job: now, pace }) => ({ ...now, ...pace }),
        mayRead: async () => true,
        signal: new AbortController().signal,
        lookEveryMs: 1,
      })
      for await (const text of events) seen.push(...parse(text).map(({ data }) => data))
    }
    const response = await fetch(`${address}/v1/jobs/${job.id}/events`)
    await Promise.all([closely(), steer(false)])
    const events = parse(await response.text())

    const underWay = seen.filter(({ state, done }) => state === 'running' && done > 0)
    assert.ok(underWay.length > 1, `${underWay.length} events between beginning and end`)
    for (const [at, { done, share }] of underWay.entries()) {
      assert.ok(done >= (underWay[at - 1]?.done ?? 0) && share >= 0 && share <= 1, `${done}, ${share}`)
    }
    assert.ok(
      underWay.some(
        ({ share, picturesPerSecond, secondsLeft }) => share > 0 && picturesPerSecond !== null && secondsLeft !== null,
      ),
    )
    assert.deepEqual(
      events.slice(0, -1).filter(({ event }) => event !== 'progress'),
      [],
    )
    const end = events.at(-1)
    assert.deepEqual([end?.event, end?.data.state, end?.data.share], ['end', 'succeeded', 1])
    assert.deepEqual(end?.data, await jobAt(app, job), 'as GET returns it')
    assert.deepEqual([seen.at(-1)?.state, seen.at(-1)?.done], ['succeeded', end?.data.done])
    await untilNobodyListens(app)

    // long after its end
    const late = await app.app.inject(`/v1/jobs/${job.id}/events`)
    assert.deepEqual(parse(late.body), [end])
  })

  test(`the cancellation of ${kind} is the last of its events`, async (t) => {
    const app = await filledApp(t)
    const address = await app.listen()
    const job = await begin(app, kind)
    const waiting = await begin(app, kind)
    const [whole, ofWaiting] = await Promise.all(
      [job, waiting].map(({ id }) => fetch(`${address}/v1/jobs/${id}/events`)),
    )
    const leaving = new AbortController()
    await fetch(`${address}/v1/jobs/${job.id}/events`, { signal: leaving.signal })
    leaving.abort()
    for (const { id } of [waiting, job]) await app.call(200, { method: 'DELETE', url: `/v1/jobs/${id}` })
    for (const response of [whole, ofWaiting]) {
      const end = parse(await response!.text()).at(-1)
      assert.deepEqual([end?.event, end?.data.state], ['end', 'cancelled'])
    }
    await untilNobodyListens(app)
  })
}
