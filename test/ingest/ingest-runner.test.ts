/** Runs that go on after another model has begun to serve the gallery. */
import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { AlikeError } from '../../src/errors.js'
import type { PutStep } from '../../src/gallery/records.js'
import { IngestRunner, type IngestRunnerOptions } from '../../src/ingest/ingest-runner.js'
import { type SharedUploads, Spool } from '../../src/ingest/spool.js'
import type { JobTrials } from '../../src/jobs/job.js'
import { newRecord } from '../../src/jobs/job-changes.js'
import { createMetrics } from '../../src/metrics/metrics.js'
import { newImage } from '../gallery/stored-images.js'
import { temporaryFolder } from '../support/temporary-folder.js'
import { until } from '../support/until.js'

interface FewParts {
  spool: Spool
  places?: object
  onChange(steps: readonly PutStep[]): void
}

/** Of a gallery to which everything was stored before, with the parts that such a run uses. */
function runnerOf({ spool, places, onChange }: FewParts): IngestRunner {
  const { id: _, ...seen } = newImage('p', new Float32Array(4))
  return new IngestRunner({
    spool,
    places,
    parts: {
      galleries: {
        sets: { serving: async () => ({ modelId: 'm' }) },
        rules: async () => ({ originals: 'none' }),
        images: {
          seen: async () => seen,
          async change(_gallery: string, steps: readonly PutStep[]) {
            onChange(steps)
            return steps.map(() => ({ created: true }))
          },
        },
      },
      images: { modelOf() {} },
    },
    metrics: createMetrics(),
    concurrency: 1,
    jobsMax: 1,
    uploadMaxBytes: 100,
    ingestMaxBytes: 1_000,
    ingestMaxFiles: 10,
  } as unknown as IngestRunnerOptions)
}

test('a picture that was given up still counts when the upload is read again for another model', async (t) => {
  const lines = [0, 1, 2].map((id) => `${JSON.stringify({ add: { id: `${id}`, image: 'AAAA' } })}\n`)
  const spool = new Spool(await temporaryFolder(t))
  const received = await spool.receive('j', Readable.from(lines.map((line) => Buffer.from(line))), 1_000)
  let changes = 0
  const runner = runnerOf({
    spool,
    onChange: () => {
      if (++changes === 1) throw new AlikeError('serving_changed')
    },
  })
  const noted: JobTrials[] = []
  const job = newRecord({ id: 'j', gallery: 'g', source: { kind: 'ndjson', ...received } }, 'uid', '')
  const end = await runner.run(job, {
    signal: new AbortController().signal,
    trials: { runs: 2, alone: { item: 0, tries: 2 }, givenUp: 0 },
    giveUp: 0,
    expect: async () => {},
    note: async (trials) => void noted.push(trials),
    advance: async () => {},
    report() {},
    recovered() {},
  })
  assert.deepEqual([end.total, changes], [3, 3])
  assert.deepEqual(
    noted.map(({ givenUp }) => givenUp),
    noted.map(() => 1),
  )
})

test('a job that has lost its list of objects, as by a restore, ends: in a new list, others may be in the places that are done', async (t) => {
  const stored: string[][] = []
  const objects = ['added-since.jpg', 'b.jpg', 'c.jpg'].map((key) => ({ key, bytes: 3 }))
  const runner = runnerOf({
    spool: new Spool(await temporaryFolder(t)),
    places: {
      buckets: {
        expectAllowed() {},
        async *list() {
          yield objects
        },
        read: async () => Buffer.from('abc'),
      },
    },
    onChange: (steps) => void stored.push(steps.map(({ put }) => put.id)),
  })
  const job = newRecord({ id: 'j', gallery: 'g', source: { kind: 's3', bucket: 'b', prefix: '' } }, 'uid', '')
  const control = {
    signal: new AbortController().signal,
    trials: { runs: 1, alone: null, givenUp: 0 },
    giveUp: undefined,
    expect: async () => {},
    note: async () => {},
    advance: async () => {},
    report() {},
    recovered() {},
  }
  await assert.rejects(runner.run({ ...job, position: 2 }, control), { code: 'source_unreadable' })
  assert.deepEqual(stored, [])
  assert.deepEqual(await runner.run(job, control), { total: 3 })
  objects.shift()
  assert.deepEqual(await runner.run({ ...job, position: 2 }, control), { total: 3 })
  assert.deepEqual(
    stored,
    [['added-since.jpg', 'b.jpg', 'c.jpg'], ['c.jpg']],
    'with its list it resumes where it stopped',
  )
})

test('a start does not wait for the bucket of uploads', async (t) => {
  const folder = await temporaryFolder(t)
  const warnings: string[] = []
  const logger = { warn: (_fields: object, message: string) => void warnings.push(message) }
  for (const areOwn of [
    () => new Promise<never>(() => {}),
    () => Promise.reject(new AlikeError('store_unreachable')),
  ]) {
    const spool = new Spool(folder, { areOwn } as Partial<SharedUploads> as SharedUploads)
    await new IngestRunner({ spool, jobsMax: 1, logger } as unknown as IngestRunnerOptions).resume(new Set())
  }
  await until(() => warnings.length === 1, 'that the failure is logged')
})
