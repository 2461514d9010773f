/**
 * Giving up a job as a whole takes dozens of starts; `test/jobs/trials.test.ts` covers each decision in every test run.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deadlySettings, follow, linesWith, startUntilEnded, upload } from '../support/deadly-jobs.js'

test('a job full of deadly pictures is set aside with a reason, and the next one runs', async (t) => {
  const environment = await deadlySettings(t)
  const { job, service } = await startUntilEnded(
    t,
    environment,
    await linesWith(
      Array.from({ length: 20 }, (_, i) => i),
      20,
    ),
    30,
  )
  assert.deepEqual([job.state, job.failure?.code], ['failed', 'job_interrupted'])
  assert.match(job.failure!.detail, /more than 5 pictures/)
  const next = await follow(service, await upload(service, await linesWith([], 5)))
  assert.deepEqual([next?.state, next?.added], ['succeeded', 5])
  assert.equal(await service.stop('SIGTERM'), 0)
})

test('a job that crashes the process before any picture is retried a few times, then set aside', async (t) => {
  const environment = await deadlySettings(t)
  const { job, service } = await startUntilEnded(
    t,
    { ...environment, DEADLY_UPLOADS: 'yes' },
    await linesWith([], 5),
    8,
  )
  assert.deepEqual([job.state, job.failure?.code], ['failed', 'job_interrupted'])
  assert.match(job.failure!.detail, /4 times/)
  assert.equal(await service.stop('SIGTERM'), 0)
})
