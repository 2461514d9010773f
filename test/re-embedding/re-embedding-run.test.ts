import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { ImageEmbedder } from '../../src/embedding/image-embedder.js'
import { AlikeError } from '../../src/errors.js'
import type { Galleries } from '../../src/gallery/galleries.js'
import type { JobProgress } from '../../src/gallery/job-progress.js'
import type { ImageOriginalsParts } from '../../src/originals/image-originals.js'
import type { OriginalStore } from '../../src/originals/original-store.js'
import { ReEmbeddingRun } from '../../src/re-embedding/re-embedding-run.js'
import type { WithoutOriginal } from '../../src/re-embedding/set-about.js'
import type { SetMirror } from '../../src/re-embedding/set-mirror.js'
import { SetMirrors } from '../../src/re-embedding/set-mirrors.js'
import { engineOf } from '../engines/embedded/embedded-galleries.js'
import { dataFolder, openIn } from '../engines/embedded/storage-folder.js'
import { unitVectors } from '../engines/embedded/vector-index/unit-vectors.js'
import { model, newImage, putImages, removeImages } from '../gallery/stored-images.js'

const makeVector = unitVectors({ dimension: model.dimension, seed: 13 })

/** A job that begins to build a set of another model, from what these parts keep. */
async function begun(
  t: TestContext,
  originals: (galleries: Galleries) => ImageOriginalsParts = () => ({}),
  stored: readonly string[] = [],
) {
  const galleries = await openIn(t, await dataFolder(t))
  const { catalogue, jobs } = engineOf(galleries)
  await galleries.create('a')
  const { galleryUid, dimension } = await galleries.sets.serving('a')
  const uid = randomBytes(8).toString('hex')
  await catalogue.addSet({ uid, galleryUid, engine: 'embedded', modelId: 'other', dimension, about: {} })
  const put = (ids: readonly string[]) =>
    putImages(
      galleries.images,
      'a',
      ids.map((id) => newImage(id, makeVector(), { reference: 'https://example.org/' })),
    )
  await put(stored)
  const changed = galleries.writes.follow('a', uid)
  const nothing = {} as ImageEmbedder // none gets that far
  const parts = { galleries, images: nothing, concurrency: 4, ...originals(galleries) }
  const { mirror } = await new SetMirrors(parts).of('a', uid)
  await jobs.create({ id: 'j', kind: 're-embedding', gallery: 'a', source: null })
  const job = await jobs.transition('j', { from: ['queued'], to: 'running' })
  const { signal } = new AbortController()
  const begin = (
    advance: (progress: JobProgress) => Promise<void>,
    { total = 0, pausesMs = [] as number[], withoutOriginal = 'fail' as WithoutOriginal } = {},
  ) =>
    new ReEmbeddingRun(job, {
      ...{ mirror, changed, signal, advance, lock: { isHeld: async () => true } },
      ...{ withoutOriginal, ratePerSecond: 0, total, pausesMs },
    })
  const run = (...given: Parameters<typeof begin>) => begin(...given).run()
  return { galleries, jobs, mirror, put, begin, run }
}

test('a run first makes findable what an earlier one, whose process died, has stored last', async (t) => {
  const { mirror, run } = await begun(t)
  const calls: string[] = []
  Object.assign(mirror.to, {
    makeFindable: async (ids?: string[]) => void calls.push(ids?.join() ?? 'those stored last'),
  })
  await run(async () => void calls.push('the end'))
  assert.deepEqual(calls, ['those stored last', 'the end'])
})

test('pictures stored during a job that cannot be embedded again are each a line of its report', async (t) => {
  const { jobs, put, run } = await begun(t)
  let isFirst = true
  const advance = async (progress: JobProgress) => {
    // everything has been examined, and what was changed meanwhile is yet to be applied
    if (isFirst) await put(['one', 'two'])
    isFirst = false
    await jobs.advance(progress)
  }
  await assert.rejects(run(advance), { code: 'originals_missing' })
  assert.deepEqual(
    (await jobs.errors('j')).map(({ name, code }) => [name, code]),
    [
      ['one', 'original_not_kept'],
      ['two', 'original_not_kept'],
    ],
  )
})

/** As a server that was killed lists its pictures: the first lists lack one. */
function lackAtFirst({ from }: SetMirror, lacking: string, { lists, onList }: { lists: number; onList?: () => void }) {
  let begun = 0
  const page: typeof from.page = async function* (options) {
    if (options.after === undefined) begun++
    onList?.()
    for await (const { images, ...rest } of Object.getPrototypeOf(from).page.call(from, options))
      yield { images: images.filter(({ id }: { id: string }) => begun > lists || id !== lacking), ...rest }
  }
  Object.assign(from, { page, makeFindable: async () => {} })
}

test('what a list of the gallery lacks at first is found by the next one', async (t) => {
  const unreachable = {
    expectGiven: () => {},
    expectAllowed: () => {},
    expectSize: async () => {},
    fetch: () => Promise.reject(new AlikeError('url_unreachable')),
  }
  const { jobs, mirror, run } = await begun(t, () => ({ references: unreachable }), ['one', 'two'])
  lackAtFirst(mirror, 'two', { lists: 2 })
  await assert.rejects(
    run((progress) => jobs.advance(progress), { total: 2, pausesMs: [1] }),
    {
      code: 'originals_missing',
    },
  )
  const names = (await jobs.errors('j')).map(({ name }) => name)
  assert.deepEqual(names.sort(), ['one', 'two'])
})

test('a picture without an original is counted once, however often everything is compared, and progress never falls', async (t) => {
  const { jobs, mirror, begin } = await begun(t, undefined, ['one', 'two'])
  const shares: number[] = []
  const run = begin((progress) => jobs.advance(progress), { total: 2, pausesMs: [1, 1], withoutOriginal: 'leave_out' })
  lackAtFirst(mirror, 'one', { lists: 1, onList: () => void shares.push(run.reading().share) })
  assert.equal(await run.run(), 2)
  assert.deepEqual(shares, [0, 0.5])
  assert.equal((await jobs.get('j'))?.failed, 2)
  assert.deepEqual((await jobs.errors('j')).map(({ name }) => name).sort(), ['one', 'two'])
})

test('a gallery in use whose engine lists everything is compared once', async (t) => {
  const { galleries, jobs, mirror, put, run } = await begun(t, undefined, ['one', 'two'])
  const { from } = mirror
  let lists = 0
  const page: typeof from.page = async function* (options) {
    if (options.after === undefined) lists++
    yield* Object.getPrototypeOf(from).page.call(from, { ...options, limit: 1 })
    if (options.after !== undefined) return
    await put(['before'])
    await removeImages(galleries.images, 'a', ['two'])
  }
  Object.assign(from, { page })
  await run((progress) => jobs.advance(progress), { total: 2, pausesMs: [1, 1], withoutOriginal: 'leave_out' })
  assert.equal(lists, 1)
})

test('pictures that are deleted after they could not be embedded again do not fail the job', async (t) => {
  const ids = Array.from({ length: 60 }, (_, i) => `p${i + 10}`)
  const { jobs, put, run } = await begun(t, (galleries) => ({
    references: {
      expectGiven: () => {},
      expectSize: async () => {},
      expectAllowed: () => {},
      async fetch(_reference, { contentHash }) {
        // the others were requested before it
        if (contentHash === newImage(ids.at(-1)!, makeVector()).contentHash)
          await removeImages(galleries.images, 'a', ids)
        throw new AlikeError('url_unreachable')
      },
    },
  }))
  await put(ids)
  assert.equal(await run((progress) => jobs.advance(progress)), ids.length)
  assert.deepEqual(await jobs.errors('j'), [])
})

test('nor do those that are deleted while originals are being looked for', async (t) => {
  const { jobs, put, run } = await begun(t, (galleries) => ({
    originals: {
      async size() {
        await removeImages(galleries.images, 'a', ['one', 'two'])
        return undefined
      },
    } as unknown as OriginalStore,
  }))
  await put(['one', 'two'])
  await run((progress) => jobs.advance(progress))
  assert.deepEqual(await jobs.errors('j'), [])
})

test('originals are looked for several at once, because a bucket takes its time for each, and listed in order', async (t) => {
  let [inProgress, most] = [0, 0]
  const ids = Array.from({ length: 60 }, (_, i) => `p${i + 10}`)
  const { jobs, put, run } = await begun(t, () => ({
    originals: {
      async size() {
        most = Math.max(most, ++inProgress)
        await nextTurn()
        inProgress--
        return undefined
      },
    } as unknown as OriginalStore,
  }))
  await put(ids)
  await assert.rejects(
    run((progress) => jobs.advance(progress)),
    { code: 'originals_missing' },
  )
  assert.deepEqual(
    (await jobs.errors('j')).map(({ name }) => name),
    ids,
  )
  assert.equal(most, 16)
})
