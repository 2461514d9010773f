/**
 * A job that crashes the process is retried a few times, the responsible picture is found, and all others are stored.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Answer } from '../support/app.js'
import {
  deadlySettings,
  follow,
  linesWith,
  startUntilAllEnded,
  startUntilEnded,
  upload,
} from '../support/deadly-jobs.js'
import type { ErrorLine } from '../support/jobs.js'
import { startProcess } from '../support/service-process.js'

test('pictures that crash the process become error lines, and all others are stored', async (t) => {
  const environment = await deadlySettings(t)
  const { job, service, starts } = await startUntilEnded(t, environment, await linesWith([20, 35], 200), 12)
  const errors = (await (await fetch(`${service.address}/v1/jobs/${job.id}/errors`)).text())
    .split('\n')
    .filter(Boolean)
    .map((text) => JSON.parse(text) as ErrorLine)
  assert.deepEqual([job.state, job.done, job.added, job.failed], ['completed_with_errors', 200, 198, 2])
  assert.deepEqual(
    errors.map(({ item, name, code }) => [item, name, code]),
    [
      [20, '20', 'image_ended_process'],
      [35, '35', 'image_ended_process'],
    ],
  )
  t.diagnostic(`${starts} starts`)
  const { images } = (await (await fetch(`${service.address}/v1/galleries/g/images?limit=1000`)).json()) as Answer
  assert.equal(images.length, 198)
  assert.equal(await service.stop('SIGTERM'), 0)
})

test('pictures that crash the process are not blamed on a job of another gallery that runs beside theirs', async (t) => {
  const environment = await deadlySettings(t)
  // the first upload is processed while the second one is sent
  const uploads = { harmless: await linesWith([], 1_500), deadly: await linesWith([2, 3, 4], 20) }
  const { jobs, service, starts } = await startUntilAllEnded(t, environment, uploads, 14)
  assert.deepEqual(
    jobs.map(({ state, added, failed }) => [state, added, failed]),
    [
      ['succeeded', 1_500, 0],
      ['completed_with_errors', 17, 3],
    ],
  )
  t.diagnostic(`${starts} starts`)
  assert.equal(await service.stop('SIGTERM'), 0)
})

test('an orderly stop does not count against a job', async (t) => {
  const environment = await deadlySettings(t)
  const lines = await linesWith([], 500)
  let service = await startProcess(t, environment)
  const id = await upload(service, lines)
  for (let stops = 0; stops < 2; stops++) {
    assert.equal(await service.stop('SIGTERM'), 0)
    service = await startProcess(t, environment)
    assert.ok(!service.log.some(({ msg }) => /died during this job/.test(String(msg))))
  }
  const job = await follow(service, id)
  assert.deepEqual([job?.state, job?.added], ['succeeded', 500])
  assert.equal(await service.stop('SIGTERM'), 0)
})
