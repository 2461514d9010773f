import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Analyses } from '../../src/analysis/analyses.js'
import { AnalysisRun } from '../../src/analysis/analysis-run.js'
import { AnalysisRunner } from '../../src/analysis/analysis-runner.js'
import { doctorTask, duplicatesTask, evaluateTask, layoutTask } from '../../src/analysis/findings/parameters.js'
import type {
  AnalysisResult,
  DoctorResult,
  DuplicateResult,
  EvaluationResult,
} from '../../src/analysis/findings/results.js'
import { evaluateRetrieval } from '../../src/eval/quality.js'
import type { Galleries } from '../../src/gallery/galleries.js'
import type { JobRecord } from '../../src/jobs/job.js'
import { type Jobs, openJobs } from '../../src/jobs/jobs.js'
import { jobsOf } from '../engines/embedded/embedded-galleries.js'
import { dataFolder, openIn, settled } from '../engines/embedded/storage-folder.js'
import { seededRandom, unitVectors } from '../engines/embedded/vector-index/unit-vectors.js'
import { model, newImage, putImages } from '../gallery/stored-images.js'
import { changedDescriptor, randomDescriptor } from '../support/copy-descriptors.js'
import { until } from '../support/until.js'
import { webhooksOf } from '../support/webhooks.js'

const { dimension } = model
const silent = { info: () => {}, warn: () => {}, error: () => {} }

interface Opened {
  galleries: Galleries
  jobs: Jobs
  analyses: Analyses
}

async function openOn(t: TestContext, galleries: Galleries, imagesMax = 10_000): Promise<Opened> {
  const jobs = await openJobs({
    store: jobsOf(galleries),
    galleries,
    runners: [new AnalysisRunner({ galleries, jobsMax: 4 })],
    jobsKeptDays: 30,
    logger: silent,
  })
  t.after(() => jobs.close())
  return {
    galleries,
    jobs,
    analyses: new Analyses({ jobs, galleries, webhooks: webhooksOf(jobsOf(galleries)), imagesMax }),
  }
}

async function openAll(t: TestContext, dataDir: string, imagesMax?: number): Promise<Opened> {
  return openOn(t, await openIn(t, dataDir), imagesMax)
}

function ended(galleries: Galleries, { id }: Pick<JobRecord, 'id'>): Promise<JobRecord> {
  return until(async () => {
    const job = (await jobsOf(galleries).get(id))!
    return job.finishedAt !== null && job
  }, 'the end of the job')
}

async function resultOf<Result extends AnalysisResult>(
  galleries: Galleries,
  job: Pick<JobRecord, 'id'>,
): Promise<Result> {
  const { state, failure, done, total } = await ended(galleries, job)
  assert.deepEqual([state, failure], ['succeeded', null])
  assert.equal(done, total)
  return JSON.parse((await jobsOf(galleries).result(job.id))!)
}

/**
 * 600 pictures in clusters, so that the graph is searched instead of a scan. The last twelve have the descriptors of
 * near-copies of the first twelve.
 */
const originals = Array.from({ length: 588 }, unitVectors({ dimension, seed: 77, clusters: 6 }))
const nudge = seededRandom(5)
const nearCopies = originals.slice(0, 12).map((vector) => unit(vector.map((value) => value + 0.004 * (nudge() - 0.5))))
const vectors = [...originals, ...nearCopies]
const signs = seededRandom(6)
const descriptors = originals.map(() => randomDescriptor(signs))
descriptors.push(...descriptors.slice(0, 12).map((descriptor) => changedDescriptor(descriptor, 0.1, signs)))
const pictures = vectors.map((vector, i) =>
  newImage(`p${String(i).padStart(4, '0')}`, vector, {
    label: i % 50 === 49 ? null : `l${i % 5}`,
    copyDescriptor: descriptors[i],
  }),
)

function unit(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector)
  return vector.map((value) => value / length)
}

async function filled(t: TestContext) {
  const both = await openAll(t, await dataFolder(t))
  await both.galleries.create('a')
  await putImages(both.galleries.images, 'a', pictures)
  await settled(both.galleries)
  return both
}

test('a run that is stopped while it looks for its set computes nothing', async (t) => {
  const { galleries } = await filled(t)
  const stop = new AbortController()
  const { searches } = galleries
  const serving = searches.serving.bind(searches)
  t.mock.method(searches, 'serving', async (gallery: string) => {
    const found = await serving(gallery)
    stop.abort()
    return found
  })
  const run = new AnalysisRun({ gallery: 'a' } as JobRecord, { galleries }, stop.signal)
  await assert.rejects(run.run(layoutTask({})), { name: 'AbortError' })
  assert.equal(run.reading().total, null)
})

test('an evaluation returns the numbers of eval/ and the recall of the graph', async (t) => {
  const { galleries, analyses } = await filled(t)
  const { job } = await analyses.accept('a', evaluateTask({ efs: [10, 600] }))
  assert.deepEqual([job.kind, job.state], ['evaluate', 'queued'])
  const { kind, gallery, modelId, quality, index } = await resultOf<EvaluationResult>(galleries, job)
  assert.deepEqual([kind, gallery, modelId], ['evaluate', 'a', model.id])

  const labelled = pictures.filter(({ label }) => label !== null)
  const embeddings = {
    ids: labelled.map(({ id }) => id),
    labels: labelled.map(({ label }) => label!),
    groups: labelled.map(({ contentHash }) => contentHash),
    embeddings: Float32Array.from(labelled.flatMap(({ vector }) => [...vector])),
    dimension,
  }
  const expected = evaluateRetrieval(embeddings, embeddings)
  assert.deepEqual(quality.overall, JSON.parse(JSON.stringify(expected.overall)))
  assert.deepEqual(quality.intervals, JSON.parse(JSON.stringify(expected.intervals)))
  assert.deepEqual([quality.pictures, quality.labelled, quality.sampled, quality.queries], [600, 588, 588, 588])

  assert.deepEqual([index.k, index.queries], [10, 500])
  const [least, most] = index.atEf
  assert.deepEqual([least?.ef, least?.byGraph, most?.ef], [10, 1, 600])
  assert.ok(least!.recall! > 0.95, String(least!.recall))
  for (const one of [index.default, most!])
    assert.deepEqual([one.recall, one.byGraph], [1, 0], 'with so many candidates a search scans so few pictures')
})

test('near-copies match those found by comparing all pairs', async (t) => {
  const { galleries, analyses } = await filled(t)
  const { job } = await analyses.accept('a', duplicatesTask({}))
  const { count, copies, notCompared, groups } = await resultOf<DuplicateResult>(galleries, job)
  assert.deepEqual([count, copies, notCompared], [12, 12, 0])
  assert.deepEqual(
    groups.map(({ images }) => images.map(({ id }) => id)),
    Array.from({ length: 12 }, (_, i) => [pictures[i]!.id, pictures[588 + i]!.id]),
  )
  for (const { images } of groups)
    assert.ok(images.every(({ nearCopyScore }) => nearCopyScore > 0.6 && nearCopyScore < 1))
})

test('a chain of copies is one group, and a picture without a descriptor is reported', async (t) => {
  const { galleries, analyses } = await openAll(t, await dataFolder(t))
  await galleries.create('a')
  const random = seededRandom(8)
  const makeVector = unitVectors({ dimension, seed: 78 })
  const chain = [randomDescriptor(random)]
  while (chain.length < 60) chain.push(changedDescriptor(chain.at(-1)!, 0.1, random))
  await putImages(
    galleries.images,
    'a',
    chain.map((copyDescriptor, i) => newImage(`p${String(i).padStart(2, '0')}`, makeVector(), { copyDescriptor })),
  )
  await putImages(galleries.images, 'a', [
    newImage('without', makeVector(), {}),
    newImage('even', makeVector(), { copyDescriptor: new Uint8Array(0) }),
  ])
  const { count, notCompared, groups } = await resultOf<DuplicateResult>(
    galleries,
    (await analyses.accept('a', duplicatesTask({}))).job,
  )
  assert.deepEqual([count, notCompared, groups[0]?.size], [1, 2, 60])
})

test('an evaluation excludes copies from the given score on', async (t) => {
  const { galleries, analyses } = await filled(t)
  const [all, without] = await Promise.all(
    [{}, { duplicateScore: 0.4 }].map(
      async (more) =>
        (
          await resultOf<EvaluationResult>(
            galleries,
            (
              await analyses.accept('a', evaluateTask({ efs: [], ...more }))
            ).job,
          )
        ).quality,
    ),
  )
  assert.deepEqual([all?.duplicateScore, without?.duplicateScore], [null, 0.4])
  assert.notDeepEqual(without?.overall, all?.overall)
})

test('an evaluation includes human judgements of hits, if there are any', async (t) => {
  const { galleries, analyses } = await filled(t)
  const evaluated = async () => {
    const { job } = await analyses.accept('a', evaluateTask({ efs: [] }))
    return (await resultOf<EvaluationResult>(galleries, job)).quality
  }
  const before = await evaluated()
  assert.equal(before.judged, undefined)
  const [query] = pictures
  const { hits } = await galleries.searches.search('a', {
    vector: query!.vector,
    k: 4,
    exact: true,
    excludeIds: [query!.id],
  })
  const by = { by: 'ann', at: '2026-01-01T00:00:00.000Z', modelId: model.id }
  const feedback = await galleries.feedback('a')
  await feedback.record(
    hits.map(({ record: { id } }, place) => ({
      query: { id: query!.id },
      hit: id,
      verdict: place < 3 ? 'right' : 'wrong',
      ...by,
    })),
  )
  const { judged, ...quality } = await evaluated()
  assert.deepEqual(quality, before)
  const certain = (mean: number) => ({ mean, interval: [mean, mean], queries: 1 })
  assert.deepEqual(judged, {
    judgements: 4,
    queries: 1,
    hits: 4,
    'ndcg@10': certain(1),
    'precision@10': certain(3 / 4),
    'judged@10': certain(4 / 10),
  })
})

test('the doctor finds planted problems, and reports the same twice', async (t) => {
  const { galleries, analyses } = await openAll(t, await dataFolder(t))
  await galleries.create('a')
  const clusters = 5
  const random = seededRandom(9)
  const make = (cluster: number) =>
    unit(Float32Array.from({ length: dimension }, (_, at) => Number(at === cluster) + 0.3 * (random() - 0.5)))
  const planted = Array.from({ length: 200 }, (_, i) =>
    newImage(`p${String(i).padStart(3, '0')}`, make(i % clusters), { label: `l${i % clusters}` }),
  )
  planted[7] = newImage('p007', planted[7]!.vector, { label: 'l4' }) // belongs to cluster 2
  const stranger = Float32Array.from({ length: dimension }, (_, at) => (at === dimension - 1 ? -1 : 0))
  const copy = newImage('p300', planted[11]!.vector, { label: 'l3', contentHash: planted[11]!.contentHash }) // of cluster 1
  await putImages(galleries.images, 'a', [...planted, newImage('p400', stranger, { label: 'l0' }), copy])
  await settled(galleries)

  const first = await resultOf<DoctorResult>(galleries, (await analyses.accept('a', doctorTask({}))).job)
  assert.equal(first.pictures, 202)
  assert.deepEqual(
    first.conflicts.groups.map(({ labels, images }) => [labels, images.map(({ id }) => id)]),
    [
      [
        ['l1', 'l3'],
        ['p011', 'p300'],
      ],
    ],
  )
  assert.deepEqual(
    first.doubts.images.slice(0, 1).map(({ id, label, likelyLabel, margin }) => [id, label, likelyLabel, margin]),
    [['p007', 'l4', 'l2', 1]],
  )
  assert.ok(
    first.doubts.images.every(({ id }) => ['p007', 'p300', 'p400'].includes(id)),
    JSON.stringify(first.doubts.images),
  )
  assert.equal(first.outliers.images[0]?.id, 'p400')
  assert.equal(first.hubs.meanOccurrences, 10)
  assert.deepEqual(await resultOf(galleries, (await analyses.accept('a', doctorTask({}))).job), first)
})

test('an empty gallery yields an empty result of every kind', async (t) => {
  const { galleries, analyses } = await openAll(t, await dataFolder(t))
  await galleries.create('a')
  const [evaluation, duplicates, diagnosis] = [
    await resultOf<EvaluationResult>(galleries, (await analyses.accept('a', evaluateTask({}))).job),
    await resultOf<DuplicateResult>(galleries, (await analyses.accept('a', duplicatesTask({}))).job),
    await resultOf<DoctorResult>(galleries, (await analyses.accept('a', doctorTask({}))).job),
  ] as const
  assert.deepEqual([evaluation.quality.queries, evaluation.index.default.recall], [0, null])
  assert.deepEqual([duplicates.count, diagnosis.doubts.judged, diagnosis.outliers.medianScore], [0, 0, null])
})

test('analyses run one after the other without delaying searches; a cancelled one leaves no result', async (t) => {
  const { galleries, analyses, jobs: owner } = await filled(t)
  const jobs = [
    (await analyses.accept('a', evaluateTask({ sample: 20_000 }))).job,
    (await analyses.accept('a', doctorTask({}))).job,
    (await analyses.accept('a', duplicatesTask({}))).job,
    (await analyses.accept('a', duplicatesTask({}))).job,
  ]
  await assert.rejects(analyses.accept('a', doctorTask({})), { code: 'job_queue_full', retryAfterSeconds: 30 })
  const [running, waiting] = jobs
  assert.equal((await owner.cancel(running!.id)).job.state, 'cancelled')
  assert.equal((await owner.cancel(waiting!.id)).job.state, 'cancelled')
  await assert.rejects(owner.cancel(waiting!.id), { code: 'job_finished' })
  await assert.rejects(owner.cancel('none'), { code: 'job_not_found' })
  let searches = 0
  while ((await jobsOf(galleries).get(jobs[3]!.id))?.finishedAt === null) {
    assert.equal((await galleries.searches.search('a', { vector: vectors[searches % 600]!, k: 5 })).hits.length, 5)
    searches++
  }
  assert.ok(searches > 0)
  assert.deepEqual(await Promise.all(jobs.map(async ({ id }) => (await jobsOf(galleries).get(id))?.state)), [
    'cancelled',
    'cancelled',
    'succeeded',
    'succeeded',
  ])
  assert.equal(await jobsOf(galleries).result(running!.id), undefined)
  assert.deepEqual(await jobsOf(galleries).result(jobs[2]!.id), await jobsOf(galleries).result(jobs[3]!.id))
})

test('progress can be read while a job runs', async (t) => {
  const { galleries, jobs, analyses } = await filled(t)
  const { job } = await analyses.accept('a', evaluateTask({}))
  let highest = 0
  while ((await jobsOf(galleries).get(job.id))?.finishedAt === null) {
    const { job: now, pace } = await jobs.report(job.id)
    assert.ok(now.done >= highest && (now.total === null || now.done <= now.total), `${now.done} of ${now.total}`)
    assert.ok(pace.share >= 0 && pace.share <= 1)
    highest = now.done
    await sleep(1)
  }
  const { job: last, pace } = await jobs.report(job.id)
  // 500 truths, five times 500 for the recall, 588 queries
  assert.deepEqual([last.done, last.total, pace.share], [3_588, 3_588, 1])
})

test('a job interrupted by a stop starts over and finishes with the same result', async (t) => {
  const dataDir = await dataFolder(t)
  const first = await openAll(t, dataDir)
  await first.galleries.create('a')
  await putImages(first.galleries.images, 'a', pictures)
  const jobs = [
    (await first.analyses.accept('a', evaluateTask({}))).job,
    (await first.analyses.accept('a', duplicatesTask({}))).job,
  ]
  await first.jobs.close()
  assert.deepEqual(await Promise.all(jobs.map(async ({ id }) => (await jobsOf(first.galleries).get(id))?.state)), [
    'queued',
    'queued',
  ])
  await assert.rejects(first.analyses.accept('a', duplicatesTask({})), { code: 'shutting_down' })
  await first.galleries.close()

  const second = await openAll(t, dataDir)
  for (const job of jobs) assert.equal((await resultOf(second.galleries, job)).kind, job.kind)
})

test('a job during which the process died is retried once, not forever', async (t) => {
  const dataDir = await dataFolder(t)
  const galleries = await openIn(t, dataDir)
  await galleries.create('a')
  const source = { ...duplicatesTask({}) } as never
  for (const id of ['once', 'twice']) {
    await jobsOf(galleries).create({ id, kind: 'duplicates', gallery: 'a', source })
    await jobsOf(galleries).transition(id, {
      from: ['queued'],
      to: 'running',
      ...(id === 'twice' && { failure: { code: 'job_interrupted', detail: '' } }),
    })
  }
  await openOn(t, galleries)
  await resultOf(galleries, { id: 'once' })
  const twice = await ended(galleries, { id: 'twice' })
  assert.deepEqual([twice.state, twice.failure?.code], ['failed', 'job_interrupted'])
})

test('deleting a gallery ends its analysis; a new gallery of the same name gets no result of it', async (t) => {
  const { galleries, analyses } = await filled(t)
  const jobs = [(await analyses.accept('a', evaluateTask({}))).job, (await analyses.accept('a', doctorTask({}))).job]
  await galleries.delete('a')
  await galleries.create('a')
  for (const job of jobs) {
    const { state, failure } = await ended(galleries, job)
    assert.deepEqual([state, failure?.code], ['failed', 'gallery_not_found'])
  }
})

test('an impossible analysis is refused immediately', async (t) => {
  const dataDir = await dataFolder(t)
  const { galleries, jobs, analyses } = await openAll(t, dataDir, 3)
  await galleries.create('a')
  await putImages(galleries.images, 'a', pictures.slice(0, 4))
  await assert.rejects(analyses.accept('a', doctorTask({})), { code: 'gallery_too_large' })
  await assert.rejects(analyses.accept('none', doctorTask({})), { code: 'gallery_not_found' })
  await jobs.close()
  await galleries.close()
  const other = await openIn(t, dataDir, { model: { ...model, id: '00000000000000bb' } })
  const foreign = await openOn(t, other)
  await assert.rejects(foreign.analyses.accept('a', doctorTask({})), { code: 'model_mismatch' })
  assert.equal((await jobsOf(other).list()).length, 0)
})
