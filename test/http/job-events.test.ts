import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeKey } from '../../src/access/api-keys.js'
import { jobEvents } from '../../src/http/job-events.js'
import { startApp, type TestApp, temporaryFolder } from '../support/app.js'
import { tarOf } from '../support/archives.js'
import { drawImage } from '../support/drawn-images.js'
import { endedJob, type Job, sendJob } from '../support/jobs.js'
import { until } from '../support/until.js'

const gallery = '/v1/galleries/followed'
const tar = { 'content-type': 'application/x-tar' }
interface Event {
  event?: string
  id?: string
  retry?: string
  data?: Job
}

/** One picture, with trailing bytes that make each a different file. */
async function drawn(count: number): Promise<Buffer> {
  const image = await drawImage('circle', 1)
  return tarOf(
    Array.from({ length: count }, (_, n) => ({
      path: `x/${n}.jpg`,
      content: Buffer.concat([image, Buffer.from(String(n))]),
    })),
  )
}

function parse(text: string): Event[] {
  assert.ok(text.endsWith('\n\n'))
  return text
    .split('\n\n')
    .filter((block) => block !== '' && !block.startsWith(':'))
    .map((block) => {
      const fields = Object.fromEntries(
        block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
      )
      return { ...fields, ...(fields.data !== undefined && { data: JSON.parse(fields.data) as Job }) }
    })
}

/** Reads until `enough` returns true; then the caller leaves. */
async function follow(address: string, job: Job, enough: (text: string) => boolean): Promise<string> {
  const leaving = new AbortController()
  const response = await fetch(`${address}/v1/jobs/${job.id}/events`, { signal: leaving.signal })
  assert.equal(response.status, 200)
  let text = ''
  for await (const chunk of response.body!) {
    text += Buffer.from(chunk).toString()
    if (enough(text)) break
  }
  leaving.abort()
  return text
}

test('the events of a key end when it is revoked, those of the others go on', async (t) => {
  const [kept, revoked] = [makeKey('kept', 'write'), makeKey('revoked', 'read', { galleries: ['followed'] })]
  const apiKeysFile = join(await temporaryFolder(t), 'keys')
  await writeFile(apiKeysFile, `${kept.line}\n${revoked.line}\n`)
  const app = await startApp(t, { apiKeysFile })
  const address = await app.listen()
  const headers = { authorization: `Bearer ${kept.key}` }
  await app.call(201, { method: 'PUT', url: gallery, headers })
  const job = await sendJob(app, gallery, { ...tar, ...headers }, await drawn(2_000))
  await app.call(200, { method: 'PATCH', url: `/v1/jobs/${job.id}`, headers, payload: { paused: true } })
  const leaving = new AbortController()
  const [goingOn, ending] = await Promise.all(
    [kept, revoked].map(({ key }) =>
      fetch(`${address}/v1/jobs/${job.id}/events`, {
        headers: { authorization: `Bearer ${key}` },
        signal: leaving.signal,
      }),
    ),
  )
  await writeFile(apiKeysFile, `${kept.line}\n`)
  const events = parse(await ending!.text())
  assert.equal(events.at(-1)?.event, 'progress')
  assert.equal(await listeners(app, headers), 1)
  assert.equal(goingOn!.status, 200)
  leaving.abort()
  await until(async () => (await listeners(app, headers)) === 0)
})

async function listeners({ app }: TestApp, headers: Record<string, string> = {}): Promise<number> {
  const { body } = await app.inject({ url: '/metrics', headers })
  return Number(/^alike_job_listeners (\d+)$/m.exec(body)?.[1])
}

test('a job is followed from its current state to its end, and then the stream ends', async (t) => {
  const app = await startApp(t)
  const address = await app.listen()
  await app.call(201, { method: 'PUT', url: gallery })
  const job = await sendJob(app, gallery, tar, await drawn(150))
  const events = parse(await follow(address, job, () => false))
  assert.equal(events[0]?.retry, '2000')
  const [last, ...progress] = events.slice(1).reverse()
  assert.ok(progress.every(({ event }) => event === 'progress') && progress.length > 0)
  const done = progress.map(({ data }) => data!.done).reverse()
  assert.deepEqual(
    done,
    [...done].sort((a, b) => a - b),
    'progress never goes back',
  )
  assert.equal(last?.event, 'end')
  assert.deepEqual(last?.data, await endedJob(app, job), 'an event contains the job as GET returns it')
  await until(async () => (await listeners(app)) === 0)
})

test('a follower after the end gets one event, and nothing if it already has that', async (t) => {
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url: gallery })
  const job = await endedJob(app, await sendJob(app, gallery, tar, await drawn(2)))
  const url = `/v1/jobs/${job.id}/events`
  const response = await app.app.inject(url)
  assert.match(String(response.headers['content-type']), /^text\/event-stream/)
  assert.deepEqual([response.headers['cache-control'], response.headers['x-accel-buffering']], ['no-store', 'no'])
  const [, end] = parse(response.body)
  assert.deepEqual([end?.event, end?.data?.state, end?.data?.share, end?.data?.secondsLeft], ['end', 'succeeded', 1, 0])
  for (const [lastId, status] of [
    [end!.id!, 204],
    ['620', 200],
    ['end-of-another', 200],
    ['\u00ff', 200],
  ] as const) {
    assert.equal((await app.app.inject({ url, headers: { 'last-event-id': lastId } })).statusCode, status, lastId)
  }
  assert.equal((await app.call(404, { method: 'GET', url: '/v1/jobs/none/events' })).code, 'job_not_found')
})

test('followers are bounded; one that leaves makes room', async (t) => {
  const app = await startApp(t, { jobListenersMax: 2 })
  const address = await app.listen()
  await app.call(201, { method: 'PUT', url: gallery })
  const job = await sendJob(app, gallery, tar, await drawn(2_000))
  const leaving = [new AbortController(), new AbortController()]
  for (const { signal } of leaving) await fetch(`${address}/v1/jobs/${job.id}/events`, { signal })
  assert.equal(await listeners(app), 2)
  const refused = await fetch(`${address}/v1/jobs/${job.id}/events`)
  assert.deepEqual(
    [refused.status, ((await refused.json()) as { code: string }).code, refused.headers.get('retry-after')],
    [429, 'job_listeners_full', '30'],
  )
  for (const controller of leaving) controller.abort()
  await until(async () => (await listeners(app)) === 0)
  assert.match(await follow(address, job, (text) => text.includes('data:')), /event: /)
})

test('a caller that follows many jobs leaves the last quarter of the places to others', async (t) => {
  const [many, other] = ['many', 'other'].map((name) => makeKey(name, 'admin'))
  const app = await startApp(t, { jobListenersMax: 4, apiKeys: `${many!.line}\n${other!.line}` })
  const address = await app.listen()
  const authorization = `Bearer ${many!.key}`
  await app.call(201, { method: 'PUT', url: gallery, headers: { authorization } })
  const [payload, headers] = [await drawn(2_000), { authorization, 'content-type': 'application/x-tar' }]
  const job = await app.call<Job>(202, { method: 'POST', url: `${gallery}/ingest`, headers, payload })
  const leaving = new AbortController()
  const followWith = (key: string) =>
    fetch(`${address}/v1/jobs/${job.id}/events`, {
      headers: { authorization: `Bearer ${key}` },
      signal: leaving.signal,
    })
  const keys = [many!.key, many!.key, many!.key, many!.key, other!.key, other!.key]
  const statuses: number[] = []
  for (const key of keys) statuses.push((await followWith(key)).status)
  assert.deepEqual(statuses, [200, 200, 200, 429, 200, 429])
  leaving.abort()
})

test('a stalled job sends heartbeats, whatever the clock says', async (t) => {
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url: gallery })
  await sendJob(app, gallery, tar, await drawn(200))
  const waiting = await sendJob(app, gallery, tar, await drawn(1))
  const leaving = new AbortController()
  const events = jobEvents({
    jobs: app.parts.jobs,
    jobId: waiting.id,
    view: ({ job }) => ({ state: job.state }),
    mayRead: async () => true,
    signal: leaving.signal,
    lookEveryMs: 1,
    heartbeatEveryMs: 0,
  })
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() })
  const seen: string[] = []
  for (let n = 0; n < 4; n++) {
    t.mock.timers.setTime(1e9 - n) // it is set back
    seen.push((await events.next()).value as string)
  }
  t.mock.timers.reset()
  assert.deepEqual(seen, [
    'retry: 2000\n\n',
    'event: progress\nid: 0\ndata: {"state":"queued"}\n\n',
    ': still there\n\n',
    ': still there\n\n',
  ])
  leaving.abort()
  assert.equal((await events.next()).done, true)
  const head = await app.app.inject({ method: 'HEAD', url: `/v1/jobs/${waiting.id}/events` })
  assert.equal(head.statusCode, 200)
  await until(async () => (await listeners(app)) === 0)
})

test('a service that stops ends its event streams, and the job continues at the next start', async (t) => {
  const app = await startApp(t, { shutdownGraceMs: 600_000 })
  const address = await app.listen()
  await app.call(201, { method: 'PUT', url: gallery })
  const job = await sendJob(app, gallery, tar, await drawn(300))
  let closing: Promise<void> | undefined
  const text = await follow(address, job, (seen) => {
    if (seen.includes('event: progress')) closing ??= app.close()
    return false
  })
  await closing
  assert.ok(!text.includes('event: end'))
})
