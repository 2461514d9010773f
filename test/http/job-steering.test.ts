import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startApp } from '../support/app.js'
import { tarOf } from '../support/archives.js'
import { drawImage } from '../support/drawn-images.js'
import { endedJob, type Job, sendJob } from '../support/jobs.js'
import { until } from '../support/until.js'
import { webhookSecret, webhookServer } from '../support/webhooks.js'

const gallery = '/v1/galleries/steered'
const tar = { 'content-type': 'application/x-tar' }

test('an ingestion is paused, resumes after what it has stored, and sends a webhook at its end', async (t) => {
  const { host, url, taken } = await webhookServer(t, [200])
  const app = await startApp(t, { webhookAllowedHosts: `${host}, 127.0.0.0/8`, webhookSecret })
  await app.call(201, { method: 'PUT', url: gallery })
  const picture = await drawImage('circle', 1)
  const count = 400
  const entries = Array.from({ length: count }, (_, n) => ({
    path: `x/${n}.jpg`,
    content: Buffer.concat([picture, Buffer.from(String(n))]),
  }))
  const job = await sendJob(app, gallery, tar, await tarOf(entries), `?priority=3&webhook=${encodeURIComponent(url)}`)
  assert.deepEqual([job.priority, job.paused], [3, false])
  const look = () => app.call<Job>(200, { url: `/v1/jobs/${job.id}` })
  await until(async () => (await look()).done > 0, 'the first pictures')
  const steer = (payload: object) => app.call<Job>(200, { method: 'PATCH', url: `/v1/jobs/${job.id}`, payload })
  const { state, paused, done } = await steer({ paused: true })
  assert.deepEqual([state, paused, done > 0 && done < count], ['queued', true, true])
  const metrics = (await app.app.inject('/metrics')).body
  assert.match(metrics, /alike_ingest_jobs\{state="queued"\} 0\nalike_ingest_jobs\{state="paused"\} 1\n/)
  const { hits } = await app.call(200, {
    method: 'POST',
    url: `${gallery}/search?k=1`,
    headers: { 'content-type': 'image/jpeg' },
    payload: picture,
  })
  assert.equal(hits.length, 1)
  assert.equal((await look()).done, done, 'nothing happens in the meantime')
  await steer({ paused: false })
  const ended = await endedJob(app, job)
  assert.deepEqual([ended.state, ended.added, ended.skipped], ['succeeded', count, 0])
  await until(() => taken.length > 0, 'the webhook')
  assert.equal((JSON.parse(taken[0]!.body) as { data: { id: string } }).data.id, job.id)
  const delivered = /^alike_webhook_attempts_total{outcome="delivered"} 1$/m
  await until(async () => delivered.test((await app.app.inject('/metrics')).body), 'a delivery that is counted')
  await app.call(409, { method: 'PATCH', url: `/v1/jobs/${job.id}`, payload: { paused: true } })
  await app.call(400, { method: 'PATCH', url: `/v1/jobs/${job.id}`, payload: {} })
})

test('an undeliverable webhook is refused before anything is taken in', async (t) => {
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url: gallery })
  const webhook = 'http://example.com/'
  const query = `?webhook=${webhook}`
  for (const request of [
    ...['evaluate', 'duplicates', 'doctor', 'layout'].map((kind) => ({ url: `${gallery}/${kind}${query}` })),
    { url: `${gallery}/sets`, payload: { model: 'other', webhook } },
    { url: `${gallery}/move`, payload: { engine: 'embedded', webhook } },
  ]) {
    const { code } = await app.call(422, { method: 'POST', ...request })
    assert.equal(code, 'webhook_disabled', request.url)
  }
  const open = await startApp(t, { webhookAllowedHosts: 'example.org', webhookSecret })
  await open.call(201, { method: 'PUT', url: gallery })
  const refused = await open.call(422, {
    method: 'POST',
    url: `${gallery}/ingest${query}`,
    headers: tar,
    payload: await tarOf([]),
  })
  assert.equal(refused.code, 'url_not_allowed')
})
