import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { AlikeError } from '../../src/errors.js'
import type { Galleries } from '../../src/gallery/galleries.js'
import { type Jobs, openJobs } from '../../src/jobs/jobs.js'
import type { WebhookOutcome, Webhooks } from '../../src/jobs/webhooks.js'
import { jobsOf } from '../engines/embedded/embedded-galleries.js'
import { dataFolder, openIn } from '../engines/embedded/storage-folder.js'
import { listGalleries } from '../gallery/stored-images.js'
import { until } from '../support/until.js'
import { dueWebhooks, webhookSecret, webhookServer, webhooksOf } from '../support/webhooks.js'
import { HeldRunner } from './held-runner.js'

const silent = { info: () => {}, warn: () => {}, error: () => {} }

interface Opened {
  galleries: Galleries
  jobs: Jobs
  webhooks: Webhooks
  runner: HeldRunner
  outcomes: WebhookOutcome[]
  close(): Promise<void>
}

interface OpenOptions {
  allowedHosts: string
  attemptsMax?: number
  firstPauseMs?: number
  now?: () => Date
  onAttempt?: () => void
}

/** `host` is on this machine, so its network must be listed too. */
const reached = (host: string) => `${host}, 127.0.0.0/8`

async function open(t: TestContext, dataDir: string, { onAttempt: tell, ...options }: OpenOptions): Promise<Opened> {
  const galleries = await openIn(t, dataDir)
  if ((await listGalleries(galleries)).length === 0) await galleries.create('a')
  const outcomes: WebhookOutcome[] = []
  const onAttempt = (outcome: WebhookOutcome) => {
    outcomes.push(outcome)
    tell?.()
  }
  const webhooks = webhooksOf(jobsOf(galleries), { ...options, onAttempt })
  const runner = new HeldRunner(['ingest'])
  const jobs = await openJobs({
    store: jobsOf(galleries),
    galleries,
    runners: [runner],
    jobsKeptDays: 30,
    logger: silent,
    onEnd: () => webhooks.wake(),
  })
  webhooks.wake()
  const close = async () => {
    await jobs.close()
    await webhooks.close()
    await galleries.close()
  }
  t.after(close)
  return { galleries, jobs, webhooks, runner, outcomes, close }
}

/** Of which one has ended, with a webhook that is pending. */
async function galleriesWithJob(t: TestContext, webhook: string): Promise<Galleries> {
  const galleries = await openIn(t, await dataFolder(t))
  await galleries.create('a')
  await jobsOf(galleries).create({ id: 'j', gallery: 'a', source: null, webhook })
  await jobsOf(galleries).transition('j', { from: ['queued'], to: 'cancelled' })
  return galleries
}

async function endedJob({ jobs, runner }: Opened, webhook: string): Promise<string> {
  const runs = runner.runs.length
  const { job } = await jobs.create({ id: `job-${runs}`, kind: 'ingest', gallery: 'a', source: null, webhook })
  await until(() => runner.runs.length > runs)
  runner.runs[runs]!.end({ total: 0 })
  return job.id
}

test('the end of a job sends one signed webhook to the URL given at its creation', async (t) => {
  const { host, url, taken } = await webhookServer(t, [204])
  const opened = await open(t, await dataFolder(t), { allowedHosts: reached(host) })
  const id = await endedJob(opened, url)
  await until(() => opened.outcomes.length === 1)
  assert.deepEqual([opened.outcomes, taken.length, await dueWebhooks(jobsOf(opened.galleries))], [['delivered'], 1, []])

  const { headers, body } = taken[0]!
  const told = JSON.parse(body) as { type: string; data: Record<string, unknown> }
  assert.deepEqual([told.type, told.data.id, told.data.state, told.data.gallery], ['job.ended', id, 'succeeded', 'a'])
  assert.equal(headers['webhook-id'], id)
  const timestamp = String(headers['webhook-timestamp'])
  assert.ok(Math.abs(Date.now() / 1000 - Number(timestamp)) < 60)
  // as verified by any Standard Webhooks library
  const key = Buffer.from(webhookSecret.slice('whsec_'.length), 'base64')
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')
  assert.equal(headers['webhook-signature'], `v1,${expected}`)
})

test('a failed delivery is retried, and eventually given up', async (t) => {
  const { host, url, taken } = await webhookServer(t, [500, 302, 200, 503])
  const opened = await open(t, await dataFolder(t), { allowedHosts: reached(host), attemptsMax: 3 })
  await endedJob(opened, url)
  await until(() => opened.outcomes.length === 3)
  assert.deepEqual(opened.outcomes, ['failed', 'failed', 'delivered'], 'a redirect does not count as a delivery')
  await endedJob(opened, url)
  await until(() => opened.outcomes.length === 6)
  assert.deepEqual(opened.outcomes.slice(3), ['failed', 'failed', 'given_up'])
  assert.deepEqual([taken.length, await dueWebhooks(jobsOf(opened.galleries))], [6, []])
})

test('an attempt whose outcome a full disk has no room for is not repeated before its time', async (t) => {
  const { host, url, taken } = await webhookServer(t, [500, 204])
  const opened = await open(t, await dataFolder(t), { allowedHosts: reached(host), firstPauseMs: 600_000 })
  for (const [ended, outcome] of (['failed', 'delivered'] as const).entries()) {
    let refused = 0
    const full = t.mock.method(jobsOf(opened.galleries), 'noteWebhook', async () => {
      refused++
      throw new AlikeError('storage_full')
    })
    await endedJob(opened, url)
    for (let looks = 1; looks <= 3; looks++) {
      await until(() => refused === looks)
      await setImmediate() // until it has ended
      opened.webhooks.wake()
    }
    full.mock.restore()
    await until(() => {
      opened.webhooks.wake()
      return opened.outcomes.length > ended
    })
    assert.deepEqual([opened.outcomes.at(-1), taken.length], [outcome, ended + 1])
  }
})

test('an attempt that another process has made meanwhile is followed by another, whatever could not be stored', async (t) => {
  const { host, url, taken } = await webhookServer(t, [500, 204])
  const opened = await open(t, await dataFolder(t), { allowedHosts: reached(host) })
  const store = jobsOf(opened.galleries)
  let refused = 0
  const full = t.mock.method(store, 'noteWebhook', async () => {
    refused++
    throw new AlikeError('store_unreachable')
  })
  const id = await endedJob(opened, url)
  await until(() => refused === 1)
  full.mock.restore()
  await store.noteWebhook(id, { attempts: 1, at: new Date().toISOString() })
  await until(() => {
    opened.webhooks.wake()
    return opened.outcomes.length > 0
  })
  assert.deepEqual([opened.outcomes, taken.length], [['delivered'], 2])
})

test('a restart loses no delivery, and does not extend its delay', async (t) => {
  const { host, url, taken } = await webhookServer(t, [500, 200])
  const dataDir = await dataFolder(t)
  // Its clock is behind, so that the second attempt is not due before it closes, but immediately due for the next
  // process.
  const now = () => new Date(Date.now() - 3_600_000)
  const early = await open(t, dataDir, { allowedHosts: reached(host), firstPauseMs: 60_000, now })
  const id = await endedJob(early, url)
  await until(() => early.outcomes.length === 1)
  await early.close()
  assert.deepEqual(early.outcomes, ['failed'])
  const late = await open(t, dataDir, { allowedHosts: reached(host) })
  await until(() => late.outcomes.length === 1)
  // an attempt cut off by closing on a slow machine may have arrived as well
  const ids = new Set(taken.map(({ headers }) => headers['webhook-id']))
  assert.deepEqual([late.outcomes, ids], [['delivered'], new Set([id])])
})

test('a delivery that a clock put off by a year is retried once the clock is right', async (t) => {
  const { host, url } = await webhookServer(t, [500, 200])
  let attempts = 0
  const now = () => new Date(Date.now() + (attempts === 0 ? 365 * 86_400_000 : 0))
  const onAttempt = () => void attempts++
  const opened = await open(t, await dataFolder(t), { allowedHosts: reached(host), now, onAttempt })
  await endedJob(opened, url)
  await until(() => opened.outcomes.length === 2)
  assert.deepEqual(opened.outcomes, ['failed', 'delivered'])
})

test('unlisted hosts get no webhook, nor does a service without a secret send any', async (t) => {
  const { host, url, taken } = await webhookServer(t, [200])
  const { webhooks, galleries } = await open(t, await dataFolder(t), { allowedHosts: 'example.com' })
  assert.throws(() => webhooks.expectAllowed(url), { code: 'url_not_allowed' })
  assert.throws(() => webhooks.expectAllowed('http://127.0.0.1/'), { code: 'url_not_allowed' })
  for (const text of ['http://example.com/\0', 'http://example.com/\ud83d'])
    assert.throws(() => webhooks.expectAllowed(text), { code: 'url_not_allowed' }, JSON.stringify(text))
  for (const secret of ['whsec_', 'whsec_%%%', 'whsec_c2hvcnQ='])
    assert.throws(() => webhooksOf(jobsOf(galleries), { secret }), {
      code: 'config_invalid',
      message: /WEBHOOK_SECRET/,
    })
  assert.throws(() => webhooksOf(jobsOf(galleries), { allowedHosts: reached(host), secret: '' }).expectAllowed(url), {
    code: 'webhook_disabled',
  })
  assert.equal(taken.length, 0)
})

test('a process without a secret, or without hosts, leaves webhooks to those that have both', async (t) => {
  const { host, url, taken } = await webhookServer(t, [200])
  const jobs = jobsOf(await galleriesWithJob(t, url))
  const attempts: string[] = []
  const opened = (name: string, options: Parameters<typeof webhooksOf>[1]) => {
    const webhooks = webhooksOf(jobs, { ...options, onAttempt: (outcome) => attempts.push(`${name}: ${outcome}`) })
    t.after(() => webhooks.close())
    webhooks.wake()
  }
  opened('without a secret', { allowedHosts: reached(host), secret: '' })
  opened('without hosts', {})
  for (let turn = 0; turn < 100; turn++) await setImmediate()
  opened('with both', { allowedHosts: reached(host) })
  await until(() => attempts.length > 0)
  assert.deepEqual([attempts, taken.length], [['with both: delivered'], 1])
})

test('a listed private network is reachable, and no other internal address', async (t) => {
  const { host, url, taken } = await webhookServer(t, [200])
  const opened = await open(t, await dataFolder(t), { allowedHosts: '127.0.0.0/8' })
  await endedJob(opened, url)
  await until(() => opened.outcomes.length === 1)
  assert.deepEqual([opened.outcomes, taken.length], [['delivered'], 1])
  // A listed name with an unlisted address.
  const port = host.split(':')[1]!
  const named = await open(t, await dataFolder(t), { allowedHosts: `localhost:${port}`, attemptsMax: 1 })
  await endedJob(named, `http://localhost:${port}/`)
  await until(() => named.outcomes.length === 1)
  assert.deepEqual([named.outcomes, taken.length], [['given_up'], 1])
})
