import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TSchema } from 'typebox'
import { Value } from 'typebox/value'
import {
  type AnalysisResult,
  DoctorResult,
  DuplicateResult,
  EvaluationResult,
} from '../../src/analysis/findings/results.js'
import type { NewImage } from '../../src/gallery/records.js'
import { unitVectors } from '../engines/embedded/vector-index/unit-vectors.js'
import { putImages } from '../gallery/stored-images.js'
import { type Answer, startApp, type TestApp } from '../support/app.js'
import { drawImage, drawnLabels } from '../support/drawn-images.js'
import { until } from '../support/until.js'

type Job = Answer['jobs'][number]
const gallery = '/v1/galleries/shapes'

function ended(app: TestApp, { id }: Job): Promise<Job> {
  return until(async () => {
    const job = await app.call<Job>(200, { url: `/v1/jobs/${id}` })
    return job.finishedAt !== null && job
  }, 'the end of the job')
}

async function ask(app: TestApp, what: string, payload?: object): Promise<Job> {
  const response = await app.app.inject({ method: 'POST', url: `${gallery}/${what}`, ...(payload && { payload }) })
  assert.equal(response.statusCode, 202, response.body)
  const job = response.json<Job>()
  assert.equal(response.headers.location, `/v1/jobs/${job.id}`)
  return job
}

/** Four labels with five pictures each, one of which is stored again under another label. */
async function filled(app: TestApp): Promise<void> {
  await app.call(201, { method: 'PUT', url: gallery })
  for (const label of drawnLabels) {
    for (let seed = 0; seed < 5; seed++) {
      await app.call(201, {
        method: 'PUT',
        url: `${gallery}/images/${label}${seed}`,
        payload: { image: (await drawImage(label, seed)).toString('base64'), label },
      })
    }
  }
  await app.call(201, {
    method: 'PUT',
    url: `${gallery}/images/wrong`,
    payload: { image: (await drawImage('circle', 2)).toString('base64'), label: 'square' },
  })
}

test('a gallery is evaluated, searched for copies and examined, each by a job with a result', async (t) => {
  const app = await startApp(t)
  await filled(app)
  const rows: [what: string, payload: object | undefined, schema: TSchema][] = [
    ['evaluate', undefined, EvaluationResult],
    ['evaluate', { sample: 7, seed: 3, duplicateScore: 0.9, expand: 2, efs: [] }, EvaluationResult],
    ['duplicates', undefined, DuplicateResult],
    ['doctor', { k: 5, duplicateScore: 1, limit: 3 }, DoctorResult],
  ]
  const results: AnalysisResult[] = []
  for (const [what, payload, schema] of rows) {
    const accepted = await ask(app, what, payload)
    assert.deepEqual([accepted.kind, accepted.gallery], [what, 'shapes'])
    const job = await ended(app, accepted)
    assert.deepEqual([job.state, job.failure, job.share, job.done], ['succeeded', null, 1, job.total])
    const response = await app.app.inject(`/v1/jobs/${job.id}/result`)
    assert.match(String(response.headers['content-type']), /^application\/json/)
    const result = response.json<AnalysisResult>()
    assert.deepEqual([...Value.Errors(schema, result)], [])
    assert.deepEqual([result.kind, result.gallery], [what, 'shapes'])
    results.push(result)
  }
  const [whole, sampled, duplicates, diagnosis] = results as [
    EvaluationResult,
    EvaluationResult,
    DuplicateResult,
    DoctorResult,
  ]
  assert.deepEqual(
    [
      whole.quality.sampled,
      whole.quality.queries,
      whole.quality.expand,
      whole.index.queries,
      whole.index.default.recall,
    ],
    [21, 21, undefined, 21, 1],
  )
  assert.deepEqual(
    whole.index.atEf.map(({ ef }) => ef),
    [16, 64, 128, 256],
  )
  assert.deepEqual(
    [sampled.quality.sampled, sampled.quality.seed, sampled.quality.duplicateScore, sampled.quality.expand],
    [7, 3, 0.9, 2],
  )
  const identical = duplicates.groups.find(({ images }) => images.some(({ id }) => id === 'wrong'))
  assert.ok(identical?.images.some(({ id }) => id === 'circle2'))
  assert.deepEqual(
    diagnosis.conflicts.groups.map(({ labels, images }) => [labels, images.map(({ id }) => id)]),
    [
      [
        ['circle', 'square'],
        ['circle2', 'wrong'],
      ],
    ],
  )

  const { jobs } = await app.call(200, { url: '/v1/jobs?kind=doctor&kind=duplicates' })
  assert.deepEqual(
    jobs.map(({ kind }) => kind),
    ['doctor', 'duplicates'],
  )
  const counted = 'alike_jobs_ended_total{kind="doctor",state="succeeded"} 1\n'
  await until(async () => (await app.app.inject('/metrics')).body.includes(counted), counted)
  assert.match((await app.app.inject('/metrics')).body, /alike_analysis_jobs\{state="running"\} 0/)
})

test('a job without a result says so', async (t) => {
  const app = await startApp(t, { analysisJobsMax: 2 })
  await app.call(201, { method: 'PUT', url: gallery })
  const { id: modelId, embeddingDimension: dimension } = app.parts.models.standard.model.manifest
  const make = unitVectors({ dimension, seed: 1 })
  const pictures = Array.from(
    { length: 1_500 },
    (_, i): NewImage => ({
      id: `p${i}`,
      label: `l${i % 3}`,
      metadata: {},
      contentHash: `${i}`,
      modelId,
      vector: make(),
      width: 1,
      height: 1,
      format: 'jpeg',
      bytes: 1,
    }),
  )
  await putImages(app.parts.galleries.images, 'shapes', pictures)

  const [running, waiting] = [await ask(app, 'evaluate'), await ask(app, 'doctor')]
  const refused = await app.app.inject({ method: 'POST', url: `${gallery}/doctor` })
  assert.deepEqual(
    [refused.statusCode, refused.json<Answer>().code, refused.headers['retry-after']],
    [429, 'job_queue_full', '30'],
  )
  assert.equal((await app.call(404, { url: `/v1/jobs/${waiting.id}/result` })).code, 'job_result_missing')
  for (const job of [waiting, running]) {
    assert.equal((await app.call<Job>(200, { method: 'DELETE', url: `/v1/jobs/${job.id}` })).state, 'cancelled')
    assert.equal((await app.call(404, { url: `/v1/jobs/${job.id}/result` })).code, 'job_result_missing')
    assert.equal((await app.call(409, { method: 'DELETE', url: `/v1/jobs/${job.id}` })).code, 'job_finished')
  }
  assert.equal((await app.call(404, { url: '/v1/jobs/none/result' })).code, 'job_not_found')
})

test('invalid parameters are refused, and no job is created', async (t) => {
  const app = await startApp(t, { analysisMaxImages: 1 })
  await app.call(201, { method: 'PUT', url: gallery })
  const rows: [what: string, payload: object][] = [
    ['evaluate', { sample: 0 }],
    ['evaluate', { sample: 20_001 }],
    ['evaluate', { efs: [0] }],
    ['evaluate', { expand: 101 }],
    ['evaluate', { limit: 5 }],
    ['duplicates', { duplicateScore: 1.1 }],
    ['duplicates', { limit: 1_001 }],
    ['doctor', { k: 4 }],
    ['doctor', { seed: 1 }],
    ['doctor', []],
  ]
  for (const [what, payload] of rows) {
    assert.equal(
      (await app.call(400, { method: 'POST', url: `${gallery}/${what}`, payload })).code,
      'request_invalid',
      JSON.stringify(payload),
    )
  }
  for (const what of ['evaluate', 'duplicates', 'doctor']) {
    assert.equal((await app.call(404, { method: 'POST', url: `/v1/galleries/none/${what}` })).code, 'gallery_not_found')
  }
  for (const id of ['a', 'b'])
    await app.call(201, {
      method: 'PUT',
      url: `${gallery}/images/${id}`,
      headers: { 'content-type': 'image/jpeg' },
      payload: await drawImage('circle', 1),
    })
  assert.equal((await app.call(409, { method: 'POST', url: `${gallery}/doctor` })).code, 'gallery_too_large')
  assert.equal((await app.call(200, { url: '/v1/jobs' })).jobs.length, 0)
})
