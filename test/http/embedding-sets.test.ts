/** Another model for a gallery: built beside the serving one, compared, switched to, rolled back, removed. */
import assert from 'node:assert/strict'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Static } from 'typebox'
import { makeKey } from '../../src/access/api-keys.js'
import { restoreSnapshot } from '../../src/backups/restore.js'
import { AlikeError } from '../../src/errors.js'
import type { EmbeddingSet } from '../../src/http/schemas/embedding-set.js'
import { startApp, type TestApp } from '../support/app.js'
import { tarOf } from '../support/archives.js'
import { drawImage, drawnLabels } from '../support/drawn-images.js'
import { handmadeModel } from '../support/handmade-onnx.js'
import { installModel } from '../support/installed-model.js'
import { errorsOf, type Job, sendJob } from '../support/jobs.js'
import { postgresServer } from '../support/postgres-server.js'
import { temporaryFolder } from '../support/temporary-folder.js'
import { until } from '../support/until.js'

type Sets = { sets: Static<typeof EmbeddingSet>[] }
const gallery = '/v1/galleries/g'
const sets = `${gallery}/sets`
const imagesOfLabel = 4

const picture = async (label: (typeof drawnLabels)[number], seed: number) =>
  (await drawImage(label, seed)).toString('base64')

/** Labelled pictures, and a second model. */
async function filled(
  t: TestContext,
  overrides: Parameters<typeof startApp>[1] = {},
  isLabelled = true,
): Promise<TestApp> {
  const app = await startApp(t, { gateOverlapMin: 0, gateMapLossMax: 1, gateRankLossMax: 1, ...overrides })
  await installModel(app, (await handmadeModel(t, { inputSize: 16, dimension: 12, name: 'twelve' })).folder)
  await app.call(201, { method: 'PUT', url: gallery })
  for (const label of drawnLabels)
    for (let i = 0; i < imagesOfLabel; i++)
      await store(app, `${label}${i}`, await picture(label, i + 1), { ...(isLabelled && { label }), metadata: { i } })
  return app
}

function store(app: TestApp, id: string, image: string, said: object = {}, status = 201) {
  return app.call(status, { method: 'PUT', url: `${gallery}/images/${id}`, payload: { image, ...said } })
}

async function ended(app: TestApp, { id }: Pick<Job, 'id'>): Promise<Job> {
  return until(async () => {
    const job = await app.call<Job>(200, { url: `/v1/jobs/${id}` })
    return job.finishedAt !== null && job
  }, 'the end of the job')
}

async function build(app: TestApp, payload: object = { model: 'twelve' }): Promise<Job> {
  return ended(app, await app.call<Job>(202, { method: 'POST', url: sets, payload }))
}

const listed = (app: TestApp) => app.call<Sets>(200, { url: sets })
const states = async (app: TestApp) => (await listed(app)).sets.map(({ state, count }) => [state, count])
const serve = (app: TestApp, status: number, model: string, force = false) =>
  app.call<Sets & { code: string; detail: string }>(status, {
    method: 'PUT',
    url: `${gallery}/serving`,
    payload: { model, force },
  })
const searched = (app: TestApp, image: string, more: object = {}) =>
  app.call<{ modelId: string; vector: number[]; hits: { id: string }[]; nextPageToken?: string }>(200, {
    method: 'POST',
    url: `${gallery}/search`,
    payload: { image, include: ['vector'], ...more },
  })
const total = drawnLabels.length * imagesOfLabel

test('a set is built beside the serving one, evaluated, switched to, and rolled back; pictures keep their labels and metadata', async (t) => {
  const app = await filled(t)
  const before = await app.call(200, { url: `${gallery}/images/${drawnLabels[0]}1` })
  const job = await build(app)
  assert.deepEqual([job.kind, job.state, job.added, job.failed], ['re-embedding', 'succeeded', total, 0])
  assert.equal((await app.call(404, { url: `/v1/jobs/${job.id}/result` })).code, 'job_result_missing')
  assert.deepEqual(await states(app), [
    ['serving', total],
    ['ready', total],
  ])
  const { gate } = (await listed(app)).sets[1]!
  assert.equal(gate?.passed, true)
  assert.ok(gate.queries > 0 && gate.candidates === total)
  assert.deepEqual(Object.keys(gate.quality).toSorted(), ['mAP@1', 'mAP@10', 'mAP@50', 'normalisedMeanRank'].toSorted())
  const { interval, difference } = gate.quality['mAP@10']!
  assert.ok(interval[0]! <= difference && difference <= interval[1]!)

  const image = await picture(drawnLabels[0]!, 1)
  assert.equal((await searched(app, image)).vector.length, 24, 'searches are unaffected')
  await serve(app, 200, 'twelve')
  assert.deepEqual(await states(app), [
    ['kept', total],
    ['serving', total],
  ])
  assert.equal((await searched(app, image)).vector.length, 12)
  assert.equal((await app.call(200, { url: gallery })).dimension, 12)
  const {
    updatedAt: _,
    modelId: __,
    ...after
  } = await app.call<Record<string, unknown>>(200, {
    url: `${gallery}/images/${drawnLabels[0]}1`,
  })
  const { updatedAt: ___, modelId: ____, ...same } = before as unknown as Record<string, unknown>
  assert.deepEqual(after, same)
  await serve(app, 200, 'twelve')
  assert.equal((await serve(app, 404, 'none')).code, 'set_not_found')

  await serve(app, 200, 'handmade')
  assert.equal((await searched(app, image)).vector.length, 24)
  assert.ok(app.log.some(({ msg, rolledBack }) => msg === 'gallery switched to another embedding set' && rolledBack))
})

test('a list of embeddings from the set before a switch is not continued with those of another; one of records is', async (t) => {
  const app = await filled(t)
  await build(app)
  const list = (query: string, status = 200) => app.call(status, { url: `${gallery}/images?${query}` })
  const [embedded, records] = [await list('limit=5&include=vector'), await list('limit=5')]
  assert.ok(embedded.images.every(({ vector }) => vector?.length === 24))
  await serve(app, 200, 'twelve')
  const refused = await list(`include=vector&cursor=${embedded.nextCursor}`, 409)
  assert.equal(refused.code, 'serving_changed')
  assert.equal((await list(`cursor=${records.nextCursor}`)).images.length, total - 5)
  const again = await list('include=vector')
  assert.deepEqual(
    [again.images.length, new Set(again.images.map(({ vector }) => vector?.length))],
    [total, new Set([12])],
  )
  await serve(app, 200, 'handmade')
  const rest = await list(`include=vector&cursor=${embedded.nextCursor}`)
  assert.equal(rest.images.length, total - 5, 'they are from the same model again')
})

test('changes while there are two sets reach both, before and after the switch', async (t) => {
  const app = await filled(t)
  await build(app)
  const [first] = drawnLabels
  const change = async (id: string, seed: number) => {
    await store(app, `new${id}`, await picture(first!, seed), { label: `new${id}` })
    await store(app, `${first}0`, await picture(first!, seed + 1), { label: 'replaced' }, 200)
    await app.call(200, { method: 'PATCH', url: `${gallery}/images/${first}1`, payload: { label: `patched${id}` } })
    await app.call(204, { method: 'DELETE', url: `${gallery}/images/${first}${id}` })
  }
  await change('2', 100)
  await serve(app, 200, 'twelve')
  const known = async () => {
    const { images } = await app.call(200, { url: `${gallery}/images?limit=1000` })
    return images.map(({ id, label, contentHash }) => [id, label, contentHash])
  }
  const afterSwitch = await known()
  assert.equal(afterSwitch.length, total)
  assert.ok(afterSwitch.some(([id, label]) => id === `${first}1` && label === 'patched2'))
  assert.ok(!afterSwitch.some(([id]) => id === `${first}2`))
  const found = await searched(app, await picture(first!, 101), { k: 1 })
  assert.deepEqual([found.hits[0]?.id, found.vector.length], [`${first}0`, 12])

  await change('3', 200)
  const changed = await known()
  await serve(app, 200, 'handmade')
  assert.deepEqual(await known(), changed)
  const again = await searched(app, await picture(first!, 201), { k: 1 })
  assert.deepEqual([again.hits[0]?.id, again.vector.length], [`${first}0`, 24])
})

test('with the catalogue in PostgreSQL, a set is built, followed, switched to, rolled back and removed in the same way', async (t) => {
  const postgres = await postgresServer(t)
  if (postgres === undefined) return
  const app = await filled(t, { postgresUrl: await postgres.newDatabase() })
  assert.deepEqual([(await build(app)).added, (await listed(app)).sets[1]!.gate?.passed], [total, true])
  const [first] = drawnLabels
  await store(app, 'followed', await picture(first!, 700))
  await until(async () => (await states(app))[1]![1] === total + 1, 'the picture in the other set')
  await app.call(204, { method: 'DELETE', url: `${gallery}/images/${first}0` })
  const ids = async () => (await app.call(200, { url: `${gallery}/images?limit=1000` })).images.map(({ id }) => id)
  const before = await ids()
  for (const [model, dimension] of [
    ['twelve', 12],
    ['handmade', 24],
  ] as const) {
    await serve(app, 200, model)
    assert.deepEqual(await ids(), before)
    const found = await searched(app, await picture(first!, 700), { k: 1 })
    assert.deepEqual([found.hits[0]?.id, found.vector.length], ['followed', dimension])
  }
  await app.call(204, { method: 'DELETE', url: `${sets}/twelve` })
  assert.deepEqual(await states(app), [['serving', total]])
  await store(app, 'after', await picture(first!, 701))
})

test('a set that failed the gate serves only if forced; a forced one can serve again after a rollback', async (t) => {
  const app = await filled(t, { gateOverlapMin: 1 }, false)
  assert.equal((await serve(app, 404, 'twelve')).code, 'set_not_found')
  await build(app)
  const { gate } = (await listed(app)).sets[1]!
  assert.deepEqual([gate?.passed, gate?.queries, gate?.quality, gate?.reasons.length], [false, 0, {}, 1])
  const refused = await serve(app, 409, 'twelve')
  assert.deepEqual([refused.code, refused.detail.includes('Overlap@10')], ['gate_not_passed', true])
  assert.deepEqual((await states(app))[0], ['serving', total])
  await serve(app, 200, 'twelve', true)
  await serve(app, 200, 'handmade')
  await serve(app, 200, 'twelve')
  assert.deepEqual((await states(app))[1], ['serving', total])
})

test('pictures without originals are listed: the job fails before embedding, or omits them', async (t) => {
  const app = await filled(t)
  const lost = await app.call(200, { url: `${gallery}/images/${drawnLabels[0]}0` })
  const originals = join(app.config.dataDir, 'originals')
  const [path] = (await readdir(originals, { recursive: true })).filter((name) => name.endsWith(lost.contentHash))
  await rm(join(originals, path!))

  const failed = await build(app)
  assert.deepEqual([failed.state, failed.failure?.code], ['failed', 'originals_missing'])
  assert.deepEqual(
    (await errorsOf(app, failed)).map(({ name, code }) => [name, code]),
    [[lost.id, 'original_not_kept']],
  )
  assert.deepEqual(await states(app), [
    ['serving', total],
    ['building', 0],
  ])
  assert.equal((await serve(app, 409, 'twelve', true)).code, 'set_not_ready')

  const done = await build(app, { model: 'twelve', withoutOriginal: 'leave_out' })
  assert.deepEqual([done.state, done.added, done.failed], ['completed_with_errors', total - 1, 1])
  const [, other] = (await listed(app)).sets
  assert.deepEqual([other?.withoutOriginal, other?.gate?.missing, other?.gate?.candidates], ['leave_out', 1, total])
  // evaluated again with the options it was built with, not the defaults
  assert.equal((await build(app)).state, 'completed_with_errors')
  assert.deepEqual(await states(app), [
    ['serving', total],
    ['ready', total - 1],
  ])
})

test('pages by token belong to the set they were started with, until it is removed', async (t) => {
  const app = await filled(t)
  await build(app)
  const image = await picture(drawnLabels[1]!, 1)
  const first = await searched(app, image, { paged: true, k: 3 })
  await serve(app, 200, 'twelve')
  const next = () => ({
    method: 'POST' as const,
    url: `${gallery}/search`,
    payload: { pageToken: first.nextPageToken, k: 3 },
  })
  assert.equal((await app.call<{ modelId: string }>(200, next())).modelId, first.modelId)
  await app.call(204, { method: 'DELETE', url: `${sets}/handmade` })
  assert.equal((await app.call(410, next())).code, 'page_expired')
  assert.deepEqual(await states(app), [['serving', total]])
})

test('a gallery has one set besides the serving one, whose model cannot be removed; both are deleted with it', async (t) => {
  const app = await filled(t)
  await installModel(app, (await handmadeModel(t, { dimension: 8, name: 'eight' })).folder)
  assert.equal((await app.call(409, { method: 'POST', url: sets, payload: { model: 'handmade' } })).code, 'set_exists')
  assert.equal((await app.call(404, { method: 'POST', url: sets, payload: { model: 'none' } })).code, 'model_not_found')
  await build(app)
  assert.equal((await app.call(409, { method: 'POST', url: sets, payload: { model: 'eight' } })).code, 'set_exists')
  assert.equal((await app.call(409, { method: 'DELETE', url: '/v1/models/twelve' })).code, 'model_in_use')
  assert.equal((await app.call(409, { method: 'DELETE', url: `${sets}/handmade` })).code, 'set_in_use')
  const again = await build(app)
  assert.deepEqual([again.state, again.added, again.skipped], ['succeeded', 0, total])
  await app.call(204, { method: 'DELETE', url: gallery })
  await app.call(204, { method: 'DELETE', url: '/v1/models/twelve' })
  await app.call(201, { method: 'PUT', url: gallery })
  assert.deepEqual(await states(app), [['serving', 0]])
})

test('two sets are still there after a restart, and pending changes are applied', async (t) => {
  const app = await filled(t)
  await build(app)
  await app.close()
  const off = await startApp(t, { ...app.config, modelsDir: join(app.config.dataDir, 'none') })
  const image = await picture(drawnLabels[0]!, 300)
  await store(off, 'while-it-was-away', image)
  assert.deepEqual(await states(off), [
    ['serving', total + 1],
    ['ready', total],
  ])
  await off.close()
  const again = await startApp(t, app.config)
  await until(async () => (await states(again))[1]![1] === total + 1, 'the picture in the other set')
  await serve(again, 200, 'twelve')
  assert.equal((await searched(again, image, { k: 1 })).hits[0]?.id, 'while-it-was-away')
})

test('a gallery whose model is not installed any more is embedded by another one, which is not compared and must be forced', async (t) => {
  const before = await filled(t)
  await before.close()
  const { folder } = await handmadeModel(t, { inputSize: 16, dimension: 12, name: 'twelve' })
  const app = await startApp(t, { ...before.config, modelDir: folder })
  const image = await picture(drawnLabels[0]!, 1)
  const search = { method: 'POST' as const, url: `${gallery}/search`, payload: { image } }
  const refused = await app.call(409, search)
  assert.equal(refused.code, 'model_mismatch')
  assert.match(refused.detail!, /^The gallery belongs to model [0-9a-f]{16}, which is not installed\.$/)

  const job = await build(app)
  assert.deepEqual([job.state, job.added], ['succeeded', total])
  const { gate } = (await listed(app)).sets[1]!
  assert.deepEqual([gate?.passed, gate?.queries], [false, 0])
  const { code, detail } = await serve(app, 409, 'twelve')
  assert.equal(code, 'gate_not_passed')
  assert.match(detail, /^The model that serves the gallery is not installed/)

  await installModel(app, before.config.modelDir)
  await build(app)
  assert.equal((await listed(app)).sets[1]!.gate?.passed, true, 'once it is installed, the two are compared')
  await serve(app, 200, 'twelve')
  assert.equal((await searched(app, image)).vector.length, 12)
})

test('a former serving set is removed after its retention period', async (t) => {
  const app = await filled(t, { setKeptDays: 0 })
  await build(app)
  await serve(app, 200, 'twelve')
  await app.parts.sets.removeOverdue()
  assert.deepEqual(await states(app), [['serving', total]])
})

test('an expired set with a job in progress stays until the job has ended', async (t) => {
  const app = await filled(t, { setKeptDays: 0 })
  await build(app)
  await serve(app, 200, 'twelve')
  const { galleries } = app.parts
  const changeSet = galleries.sets.change.bind(galleries.sets)
  let goOn = (): void => {}
  const told = new Promise<void>((resolve) => {
    goOn = resolve
  })
  galleries.sets.change = async (uid, change) => {
    if (change.about?.['gate'] !== undefined) await told
    return changeSet(uid, change)
  }
  const job = await app.call<Job>(202, { method: 'POST', url: sets, payload: { model: 'handmade' } })
  await app.parts.sets.removeOverdue()
  assert.equal((await states(app)).length, 2)
  goOn()
  assert.equal((await ended(app, job)).state, 'succeeded')
  await app.parts.sets.removeOverdue()
  assert.deepEqual(await states(app), [['serving', total]])
})

test('a sample of searches is also run on the other set, and the overlap of hits is in the metrics', async (t) => {
  const app = await filled(t, { shadowSearchEvery: 1 })
  const counted = async (series: string) => {
    const line = (await app.app.inject('/metrics')).body.split('\n').find((one) => one.startsWith(series))
    return Number(line?.split(' ').at(-1))
  }
  const image = await picture(drawnLabels[2]!, 1)
  await searched(app, image)
  await build(app)
  const asks = [{ image }, { imageId: `${drawnLabels[0]}0`, k: 3 }, { image, label: [drawnLabels[0]], k: 2 }]
  const shown = [10, 3, 2]
  for (const [i, payload] of asks.entries()) {
    await app.call(200, { method: 'POST', url: `${gallery}/search`, payload })
    const compared = 'alike_shadow_searches_total{outcome="compared"}'
    await until(async () => (await counted(compared)) === i + 1, 'the other set’s answer')
    const expected = shown.slice(0, i + 1).reduce((sum, count) => sum + count, 0)
    assert.equal(await counted('alike_shadow_hits_total{of="shown"}'), expected)
  }
  const same = await counted('alike_shadow_hits_total{of="same"}')
  assert.ok(same > 0 && same <= 15, `${same}`)
  assert.equal(await counted('alike_shadow_search_seconds_count'), 3)
  assert.equal(await counted('alike_shadow_searches_total{outcome="failed"}'), 0)
})

test('a snapshot contains both sets; after a restore, either of them can serve', async (t) => {
  const app = await filled(t)
  await build(app)
  await serve(app, 200, 'twelve')
  const { id } = await app.call<{ id: string }>(202, { method: 'POST', url: '/v1/snapshots' })
  const ready = async () => (await app.call<{ state: string }>(200, { url: `/v1/snapshots/${id}` })).state === 'ready'
  await until(ready, 'the snapshot')
  const restored = await temporaryFolder(t)
  await restoreSnapshot(join(app.config.dataDir, 'snapshots', id), restored)
  const modelsDir = join(app.config.dataDir, 'models')
  await app.close()

  const again = await startApp(t, { ...app.config, dataDir: restored, modelsDir })
  assert.deepEqual(await states(again), [
    ['kept', total],
    ['serving', total],
  ])
  const search = { method: 'POST' as const, url: `${gallery}/search`, payload: { imageId: `${drawnLabels[0]}0`, k: 3 } }
  const before = await again.call<{ modelId: string; hits: object[] }>(200, search)
  await serve(again, 200, 'handmade')
  const after = await again.call<{ modelId: string; hits: object[] }>(200, search)
  assert.deepEqual([before.hits.length, after.hits.length, before.modelId === after.modelId], [3, 3, false])
})

test('building a set is refused if its model does not fit into memory', async (t) => {
  const app = await filled(t, { modelsOpenMax: 1 })
  const refused = await app.call(409, { method: 'POST', url: sets, payload: { model: 'twelve' } })
  assert.deepEqual(
    [refused.code, refused.detail],
    ['models_full', '2 models would be in memory at once; MODELS_OPEN_MAX allows 1.'],
  )
  assert.deepEqual(await states(app), [['serving', total]], 'no set is created that could not be built')
  await app.call(201, { method: 'PUT', url: '/v1/galleries/other', payload: { model: 'twelve' } })
  const image = await picture(drawnLabels[0]!, 1)
  const put = { method: 'PUT' as const, url: '/v1/galleries/other/images/1', payload: { image } }
  assert.equal((await app.call(409, put)).code, 'models_full')
  await app.close()
  const again = await startApp(t, app.config)
  assert.ok(again.log.some(({ msg }) => /^MODELS_OPEN_MAX is 1/.test(String(msg))))
})

test('of three models, two are already in memory: the default one and the serving one', async (t) => {
  const app = await filled(t)
  await build(app)
  await serve(app, 200, 'twelve')
  await app.call(204, { method: 'DELETE', url: `${sets}/handmade` })
  await installModel(app, (await handmadeModel(t, { dimension: 8, name: 'eight' })).folder)
  assert.equal((await app.call(409, { method: 'POST', url: sets, payload: { model: 'eight' } })).code, 'models_full')
  assert.equal((await build(app, { model: 'handmade' })).state, 'succeeded')
})

test('a serving model that is not installed takes no memory', async (t) => {
  const before = await filled(t)
  await before.close()
  const { folder } = await handmadeModel(t, { inputSize: 16, dimension: 12, name: 'twelve' })
  const app = await startApp(t, { ...before.config, modelDir: folder, modelsOpenMax: 1 })
  assert.equal((await build(app)).state, 'succeeded')
})

test('without originals a rollback is refused while it would lose pictures, unless forced', async (t) => {
  const app = await filled(t)
  await build(app)
  await serve(app, 200, 'twelve')
  const { config } = app
  await app.close()
  const bare = await startApp(t, { ...config, originals: 'none', modelsDir: join(config.dataDir, 'models') })
  await store(bare, 'not-kept', await picture(drawnLabels[0]!, 500))
  const told = ({ msg }: Record<string, unknown>) => msg === 'pictures are missing from the other embedding set'
  await until(async () => bare.log.some(told), 'a line in the log')
  const refused = await serve(bare, 409, 'handmade')
  assert.deepEqual([refused.code, refused.detail.startsWith('1 pictures')], ['originals_missing', true])
  assert.deepEqual(await states(bare), [
    ['kept', total],
    ['serving', total + 1],
  ])
  await bare.call(200, { url: `${gallery}/images/not-kept` })
  await serve(bare, 200, 'handmade', true)
  await bare.call(404, { url: `${gallery}/images/not-kept` })
})

test('a group of an upload interrupted by repeated switches is stored in the end, even without originals', async (t) => {
  const app = await filled(t, { originals: 'none' })
  await build(app, { model: 'twelve', withoutOriginal: 'leave_out' })
  const { images } = app.parts.galleries
  const change = images.change.bind(images)
  let exchanges = 0
  images.change = async (...given) => {
    if (exchanges < 13 && given[2] !== undefined)
      await app.parts.sets.serve('g', exchanges++ % 2 === 0 ? 'twelve' : 'handmade', { force: true })
    return change(...given)
  }
  const entries = await Promise.all(
    drawnLabels.map(async (label, n) => ({ path: `${label}/${n}.jpg`, content: await drawImage(label, 2_000 + n) })),
  )
  const job = await sendJob(app, gallery, { 'content-type': 'application/x-tar' }, await tarOf(entries))
  const { state, added, failed } = await ended(app, job)
  assert.deepEqual([state, added, failed, exchanges], ['succeeded', entries.length, 0, 13])
  const found = await searched(app, entries[1]!.content.toString('base64'), { k: 1 })
  assert.deepEqual([found.hits[0]?.id, found.vector.length], [entries[1]!.path, 12])
})

test('a picture embedded for a set that no longer exists when it is stored is embedded again', async (t) => {
  const app = await filled(t)
  const { images } = app.parts.galleries
  const seen = images.seen.bind(images)
  for (const [model, former] of [
    ['twelve', 'handmade'],
    ['handmade', 'twelve'],
  ] as const) {
    await build(app, { model })
    let isExchanged = false
    images.seen = async (...given) => {
      if (!isExchanged) {
        isExchanged = true
        await serve(app, 200, model, true)
        await app.call(204, { method: 'DELETE', url: `${sets}/${former}` })
      }
      return seen(...given)
    }
    if (model === 'twelve') await store(app, 'alone', await picture('circle', 3_000))
    else {
      const tar = await tarOf([{ path: 'circle/sent.jpg', content: await drawImage('circle', 3_001) }])
      const job = await sendJob(app, gallery, { 'content-type': 'application/x-tar' }, tar)
      const { state, added, failure } = await ended(app, job)
      assert.deepEqual([state, added, failure], ['succeeded', 1, null])
    }
    assert.ok(isExchanged)
    images.seen = seen
  }
})

test('a layout belongs to the set it was started with, whatever serves when it ends', async (t) => {
  const app = await filled(t)
  await build(app)
  const { searches } = app.parts.galleries
  const serving = searches.serving.bind(searches)
  searches.serving = async (name) => {
    const found = await serving(name)
    searches.serving = serving
    await app.parts.sets.serve('g', 'twelve')
    return found
  }
  const layout = { url: `${gallery}/layout` }
  const { state, failure } = await ended(app, await app.call<Job>(202, { method: 'POST', ...layout }))
  assert.deepEqual([state, failure?.code], ['succeeded', undefined])
  assert.equal((await app.call(404, layout)).code, 'layout_missing')
  await serve(app, 200, 'handmade')
  assert.equal((await app.call<{ pictures: number }>(200, layout)).pictures, total)
})

test('an analysis of a set that is removed meanwhile starts over with the one that serves', async (t) => {
  const app = await filled(t)
  const { searches } = app.parts.galleries
  const serving = searches.serving.bind(searches)
  for (const [kind, model, former] of [
    ['layout', 'twelve', 'handmade'],
    ['evaluate', 'handmade', 'twelve'],
  ] as const) {
    await build(app, { model })
    searches.serving = async (name) => {
      const found = await serving(name)
      searches.serving = serving
      await app.parts.sets.serve('g', model, { force: true })
      await app.call(204, { method: 'DELETE', url: `${sets}/${former}` })
      return found
    }
    const job = await ended(app, await app.call<Job>(202, { method: 'POST', url: `${gallery}/${kind}` }))
    assert.deepEqual([job.state, job.failure], ['succeeded', null], kind)
    if (kind === 'layout')
      assert.equal((await app.call<{ pictures: number }>(200, { url: `${gallery}/layout` })).pictures, total)
    else
      assert.equal(
        (await app.call<{ modelId: string }>(200, { url: `/v1/jobs/${job.id}/result` })).modelId,
        (await searched(app, await picture('circle', 1))).modelId,
      )
  }
})

test('an upload in progress during switches is stored completely by the serving model, in both sets', async (t) => {
  const app = await filled(t)
  await build(app)
  const entries = await Promise.all(
    Array.from({ length: 120 }, async (_, n) => ({
      path: `more/${n}.jpg`,
      content: await drawImage(drawnLabels[n % drawnLabels.length]!, 1_000 + n),
    })),
  )
  const job = await sendJob(app, gallery, { 'content-type': 'application/x-tar' }, await tarOf(entries))
  let exchanges = 0
  const now = () => app.call<Job>(200, { url: `/v1/jobs/${job.id}` })
  for (let { added: before, finishedAt } = await now(); finishedAt === null; ) {
    await serve(app, 200, exchanges++ % 2 === 0 ? 'twelve' : 'handmade', true)
    // a group hit by every switch would otherwise be given up
    const later = await until(async () => {
      const one = await now()
      return (one.added > before || one.finishedAt !== null) && one
    }, 'pictures of the upload')
    ;[before, finishedAt] = [later.added, later.finishedAt]
  }
  const { state, added, failed } = await ended(app, job)
  assert.deepEqual([state, added, failed], ['succeeded', entries.length, 0])
  assert.ok(exchanges > 1, `${exchanges} exchanges`)
  const all = total + entries.length
  await until(async () => (await states(app)).every(([, count]) => count === all), 'both sets complete')
  for (const model of ['twelve', 'handmade']) {
    await serve(app, 200, model, true)
    const found = await searched(app, entries[7]!.content.toString('base64'), { k: 1 })
    assert.deepEqual([found.hits[0]?.id, found.vector.length], ['more/7.jpg', model === 'twelve' ? 12 : 24])
  }
})

test('a set does not serve before its job is over, and later writes are found after a rollback', async (t) => {
  const app = await filled(t)
  const { galleries } = app.parts
  const changeSet = galleries.sets.change.bind(galleries.sets)
  let goOn = (): void => {}
  const judged = new Promise<void>((resolve) => {
    goOn = resolve
  })
  let isJudged = false
  galleries.sets.change = async (uid, change) => {
    if (change.about !== undefined) {
      isJudged = true
      await judged
    }
    return changeSet(uid, change)
  }
  const job = await app.call<Job>(202, { method: 'POST', url: sets, payload: { model: 'twelve' } })
  await until(async () => isJudged, 'the verdict')
  const refused = await serve(app, 409, 'twelve', true)
  assert.equal(refused.code, 'set_not_ready')
  goOn()
  await ended(app, job)
  await serve(app, 200, 'twelve')
  await store(app, 'written-after', await picture(drawnLabels[0]!, 400))
  await serve(app, 200, 'handmade')
  await app.call(200, { url: `${gallery}/images/written-after` })
})

test("of two galleries with surplus sets, one is deleted and the other's set is removed after its retention period", async (t) => {
  const app = await filled(t, { setKeptDays: 0 })
  await app.call(201, { method: 'PUT', url: '/v1/galleries/a' })
  const payload = { model: 'twelve' }
  await ended(app, await app.call<Job>(202, { method: 'POST', url: '/v1/galleries/a/sets', payload }))
  await build(app)
  await app.call(204, { method: 'DELETE', url: '/v1/galleries/a' })
  await serve(app, 200, 'twelve')
  await app.parts.sets.removeOverdue()
  assert.deepEqual(await states(app), [['serving', total]])
  assert.equal(app.log.filter(({ msg }) => String(msg).startsWith('an expired embedding set')).length, 0)
})

test('a set that could not be removed is kept up to date', async (t) => {
  const app = await filled(t)
  await build(app)
  const { galleries } = app.parts
  const removeSet = galleries.sets.remove.bind(galleries.sets)
  galleries.sets.remove = () => Promise.reject(new AlikeError('storage_full'))
  assert.equal((await app.call(507, { method: 'DELETE', url: `${sets}/twelve` })).code, 'storage_full')
  galleries.sets.remove = removeSet
  await store(app, 'written-after', await picture(drawnLabels[0]!, 400))
  await until(async () => (await states(app))[1]![1] === total + 1, 'the picture in the other set')
  await app.call(204, { method: 'DELETE', url: `${sets}/twelve` })
})

test("each caller's embeddings per second are limited", async (t) => {
  const app = await filled(t, { reEmbeddingRateMax: 1_000 })
  const rates: unknown[] = []
  for (const ratePerSecond of [0, 2_000, 900, undefined]) {
    const { id } = await build(app, { model: 'twelve', ratePerSecond })
    const { job } = await app.parts.jobs.report(id)
    rates.push((job.source as { ratePerSecond: number }).ratePerSecond)
  }
  assert.deepEqual(rates, [1_000, 1_000, 900, 1_000])
})

test('a gallery that keeps queries is checked by replaying them; they are deleted when it stops keeping them', async (t) => {
  const app = await filled(t, { gateOverlapMin: 1 }, false)
  const change = (payload: object) => app.call<{ keepQueries: number }>(200, { method: 'PATCH', url: gallery, payload })
  const first = await picture(drawnLabels[0]!, 500)
  await searched(app, first)
  assert.equal((await change({ keepQueries: 20 })).keepQueries, 20)
  const asked = await Promise.all(
    Array.from({ length: 12 }, (_, n) => picture(drawnLabels[n % drawnLabels.length]!, 600 + n)),
  )
  const kept = async () => (await app.app.inject('/metrics')).body.match(/^alike_kept_queries (\d+)$/m)?.[1]
  // queries that arrive while others are being written are not kept
  for (const [n, image] of asked.entries()) {
    await searched(app, image)
    await until(async () => (await kept()) === String(n + 1), 'the picture to be kept')
  }
  await searched(app, asked[0]!)
  await app.call(200, { method: 'POST', url: `${gallery}/search`, payload: { imageId: `${drawnLabels[0]}0` } })
  await build(app)
  const { gate } = (await listed(app)).sets[1]!
  assert.equal(gate?.replay?.queries, 12)
  assert.ok(gate.replay.overlapAt10 > 0 && gate.replay.overlapAt10 <= 1)
  if (gate.replay.overlapAt10 < 1) assert.ok(gate.reasons.some((reason) => reason.includes('12 kept queries')))
  await change({ keepQueries: 0 })
  assert.deepEqual([await kept(), await readdir(join(app.config.dataDir, 'queries'))], ['0', []])
  await build(app)
  assert.equal((await listed(app)).sets[1]!.gate?.replay, null)
})

test('an operator may search the set that is not serving, and sees which one answered; others may not', async (t) => {
  const keys = { read: makeKey('reader', 'read'), admin: makeKey('owner', 'admin') }
  const app = await filled(t)
  await build(app)
  const image = await picture(drawnLabels[0]!, 700)
  const [serving, other] = [await searched(app, image), await searched(app, image, { set: 'twelve' })]
  assert.deepEqual([serving.vector.length, other.vector.length], [24, 12])
  assert.notEqual(serving.modelId, other.modelId)
  assert.equal((await searched(app, image, { set: other.modelId })).modelId, other.modelId)
  assert.equal((await searched(app, image, { set: 'handmade' })).modelId, serving.modelId)
  const ask = (payload: object, headers = {}) =>
    app.app.inject({ method: 'POST', url: `${gallery}/search`, payload, headers })
  assert.equal((await ask({ image, set: 'none' })).json().code, 'model_not_found')
  const page = await searched(app, image, { set: 'twelve', paged: true, k: 2 })
  const next = await ask({ pageToken: page.nextPageToken })
  assert.equal(next.json().modelId, other.modelId)
  assert.equal((await ask({ pageToken: page.nextPageToken, set: 'twelve' })).json().code, 'request_invalid')
  await app.close()
  const locked = await startApp(t, { ...app.config, apiKeys: `${keys.read.line},${keys.admin.line}` })
  const asAdmin = { authorization: `Bearer ${keys.admin.key}` }
  const answers = async (headers: object, set?: string) =>
    (
      await locked.app.inject({
        method: 'POST',
        url: `${gallery}/search`,
        payload: { image, set },
        headers: { ...headers },
      })
    ).statusCode
  const asReader = { authorization: `Bearer ${keys.read.key}` }
  assert.deepEqual(
    [await answers(asReader), await answers(asReader, 'twelve'), await answers(asAdmin, 'twelve')],
    [200, 403, 200],
  )
})
