/** Decided findings are applied in one step, remembered, and not raised again. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DoctorResult, DuplicateResult } from '../../src/analysis/findings/results.js'
import { seededRandom } from '../../src/eval/random.js'
import type { NewImage } from '../../src/gallery/records.js'
import { unitVectors } from '../engines/embedded/vector-index/unit-vectors.js'
import { putImages } from '../gallery/stored-images.js'
import { startApp, type TestApp, temporaryFolder } from '../support/app.js'
import { randomDescriptor } from '../support/copy-descriptors.js'
import type { Job } from '../support/jobs.js'
import { until } from '../support/until.js'

const gallery = '/v1/galleries/g'
const url = `${gallery}/decisions`

interface Decided {
  id: string
  kind: string
  ids: string[]
  decision: string
  label?: string | null
  keep?: string
  changed: number
  by: string
  code: string
}

/**
 * Two clusters, `left` and `right`, of eight images each; `left0` has the other's label, and `twin` is a copy of
 * `left1`.
 */
async function filled(app: TestApp): Promise<void> {
  await app.call(201, { method: 'PUT', url: gallery })
  const { id: modelId, embeddingDimension: dimension } = app.parts.models.standard.model.manifest
  const make = unitVectors({ dimension, seed: 1 })
  const centres = [make(), make()]
  const near = (centre: Float32Array) => {
    const stray = make()
    const moved = centre.map((value, i) => value + 0.1 * stray[i]!)
    const length = Math.hypot(...moved)
    return moved.map((value) => value / length)
  }
  const image = (id: string, label: string, centre: Float32Array, contentHash: string, seed: number): NewImage => ({
    id,
    label,
    metadata: {},
    contentHash,
    modelId,
    vector: near(centre),
    copyDescriptor: randomDescriptor(seededRandom(seed)),
    width: 1,
    height: 1,
    format: 'jpeg',
    bytes: 1,
  })
  const images = ['left', 'right'].flatMap((side, number) =>
    Array.from({ length: 8 }, (_, i) =>
      image(
        `${side}${i}`,
        side === 'left' && i === 0 ? 'right' : side,
        centres[number]!,
        `${side}${i}`,
        100 * number + i,
      ),
    ),
  )
  await putImages(app.parts.galleries.images, 'g', [...images, image('twin', 'left', centres[0]!, 'left1', 500)])
}

async function reportOf<Result>(app: TestApp, what: string): Promise<Result> {
  const job = await app.call<Job>(202, {
    method: 'POST',
    url: `${gallery}/${what}`,
    payload: what === 'doctor' ? { k: 6 } : {},
  })
  const ended = await until(async () => {
    const now = await app.call<Job>(200, { url: `/v1/jobs/${job.id}` })
    return now.finishedAt !== null && now
  }, 'the end of the analysis')
  assert.equal(ended.state, 'succeeded')
  return app.call<Result>(200, { url: `/v1/jobs/${job.id}/result` })
}

const doubted = async (app: TestApp) => {
  const { doubts } = await reportOf<DoctorResult>(app, 'doctor')
  return [doubts.images.map(({ id }) => id), doubts.dismissed]
}
const copies = async (app: TestApp) => {
  const { groups, dismissed } = await reportOf<DuplicateResult>(app, 'duplicates')
  return [groups.map(({ images }) => images.map(({ id }) => id)), dismissed]
}
const decide = (app: TestApp, payload: object) => app.call<Decided>(201, { method: 'POST', url, payload })
const labelOf = async (app: TestApp, id: string) => (await app.call(200, { url: `${gallery}/images/${id}` })).label

test('a doubted label that was confirmed is not doubted again, until it changes or the decision is withdrawn', async (t) => {
  const app = await startApp(t)
  await filled(app)
  assert.deepEqual(await doubted(app), [['left0'], 0])
  const kept = await decide(app, { kind: 'label', ids: ['left0'], decision: 'keep-label' })
  assert.deepEqual([kept.changed, kept.decision], [0, 'keep-label'])
  assert.deepEqual(await doubted(app), [[], 1])
  await app.call(204, { method: 'DELETE', url: `${url}/${kept.id}` })
  assert.deepEqual(await doubted(app), [['left0'], 0])
  assert.equal((await app.call(404, { method: 'DELETE', url: `${url}/${kept.id}` })).code, 'decision_not_found')
})

test('a decision can set a label, and withdrawing it restores the former one', async (t) => {
  const app = await startApp(t)
  await filled(app)
  const set = await decide(app, { kind: 'label', ids: ['left0', 'left1'], decision: 'set-label', label: 'left' })
  assert.deepEqual([set.changed, set.label, await labelOf(app, 'left0')], [1, 'left', 'left'])
  const { hits } = await app.call(200, {
    method: 'POST',
    url: `${gallery}/search`,
    payload: { imageId: 'left1', label: ['left'], k: 20 },
  })
  assert.ok(
    hits.some(({ id }) => id === 'left0'),
    'filters see the new label at once',
  )
  await app.call(204, { method: 'DELETE', url: `${url}/${set.id}` })
  assert.deepEqual([await labelOf(app, 'left0'), await labelOf(app, 'left1')], ['right', 'left'])
})

test('pictures that are not copies, or copies that may stay, are not reported again', async (t) => {
  const app = await startApp(t)
  await filled(app)
  assert.deepEqual(await copies(app), [[['left1', 'twin']], 0])
  for (const decision of ['not-copies', 'dismissed']) {
    const { id } = await decide(app, { kind: 'copies', ids: ['twin', 'left1'], decision })
    assert.deepEqual(await copies(app), [[], 1])
    await app.call(204, { method: 'DELETE', url: `${url}/${id}` })
  }
})

test('of several copies one is kept: the others are removed from records, searches and reports', async (t) => {
  const dataDir = await temporaryFolder(t)
  const app = await startApp(t, { dataDir })
  await filled(app)
  const kept = await decide(app, { kind: 'copies', ids: ['left1', 'twin'], decision: 'keep-one', keep: 'left1' })
  assert.deepEqual([kept.changed, kept.keep], [1, 'left1'])
  await app.call(404, { url: `${gallery}/images/twin` })
  const { hits } = await app.call(200, {
    method: 'POST',
    url: `${gallery}/search`,
    payload: { imageId: 'left1', k: 20 },
  })
  assert.equal(hits.length, 15)
  assert.deepEqual(await copies(app), [[], 0])
  await app.close()

  const again = await startApp(t, { dataDir, modelDir: app.config.modelDir })
  const { decisions } = await again.call<{ decisions: Decided[] }>(200, { url })
  assert.deepEqual(
    decisions.map(({ kind, ids, decision, keep }) => [kind, ids, decision, keep]),
    [['copies', ['left1', 'twin'], 'keep-one', 'left1']],
  )
})

test('decisions are listed page by page and deleted with their gallery', async (t) => {
  const app = await startApp(t)
  await filled(app)
  for (let i = 0; i < 5; i++) await decide(app, { kind: 'label', ids: [`right${i}`], decision: 'keep-label' })
  const page = (query: string) =>
    app.call<{ decisions: Decided[]; nextCursor?: string }>(200, { url: `${url}${query}` })
  const first = await page('?limit=3')
  const second = await page(`?limit=3&cursor=${first.nextCursor}`)
  assert.deepEqual(
    [...first.decisions, ...second.decisions].map(({ ids }) => ids[0]),
    ['right0', 'right1', 'right2', 'right3', 'right4'],
  )
  assert.equal(second.nextCursor, undefined)
  assert.match((await app.app.inject('/metrics')).body, /alike_decisions_total\{decision="keep-label"\} 5/)
  await app.call(204, { method: 'DELETE', url: gallery })
  await filled(app)
  assert.deepEqual((await page('')).decisions, [])
})

test('decisions are found by the pictures that they are about', async (t) => {
  const app = await startApp(t)
  await filled(app)
  const keep = (...ids: string[]) =>
    app.call<Decided>(201, { method: 'POST', url, payload: { kind: 'label', ids, decision: 'keep-label' } })
  const [first, second] = [await keep('left0', 'left1'), await keep('left1')]
  await keep('right0')
  const found = async (query: string) => {
    const answer = await app.call<{ decisions: Decided[]; nextCursor?: string }>(200, { url: `${url}?${query}` })
    return { ids: answer.decisions.map(({ id }) => id), next: answer.nextCursor }
  }
  assert.deepEqual(await found('id=left0&id=none'), { ids: [first.id], next: undefined })
  const page = await found('id=left0&id=left1&limit=1')
  assert.deepEqual(page.ids, [first.id])
  assert.deepEqual(await found(`id=left0&id=left1&limit=1&cursor=${page.next}`), { ids: [second.id], next: undefined })
  assert.deepEqual(await found('id=none'), { ids: [], next: undefined })
})

test('an invalid decision changes nothing', async (t) => {
  const app = await startApp(t, { decisionsMax: 1 })
  await filled(app)
  const rows: [status: number, code: string, payload: object][] = [
    [400, 'request_invalid', { kind: 'label', ids: [], decision: 'keep-label' }],
    [400, 'request_invalid', { kind: 'label', ids: ['left0'], decision: 'keep-one', keep: 'left0' }],
    [400, 'request_invalid', { kind: 'label', ids: ['left0'], decision: 'set-label' }],
    [400, 'request_invalid', { kind: 'copies', ids: ['left1'], decision: 'not-copies' }],
    [400, 'request_invalid', { kind: 'copies', ids: ['left1', 'twin'], decision: 'keep-one', keep: 'left2' }],
    [404, 'image_not_found', { kind: 'copies', ids: ['left1', 'none', 'twin'], decision: 'keep-one', keep: 'left1' }],
    [404, 'image_not_found', { kind: 'label', ids: ['left0', 'none'], decision: 'set-label', label: 'x' }],
  ]
  for (const [status, code, payload] of rows)
    assert.equal((await app.call(status, { method: 'POST', url, payload })).code, code, JSON.stringify(payload))
  assert.deepEqual([await labelOf(app, 'left0'), await labelOf(app, 'twin')], ['right', 'left'])
  await decide(app, { kind: 'label', ids: ['left0'], decision: 'dismissed' })
  const more = { method: 'POST', url, payload: { kind: 'label', ids: ['left1'], decision: 'dismissed' } } as const
  assert.equal((await app.call(409, more)).code, 'decisions_full')
})
