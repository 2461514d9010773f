/** Several processes storing pictures in one collection. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { openWeaviate } from '../../../src/engines/weaviate/weaviate-engine.js'
import type { OpenSet } from '../../../src/gallery/engine.js'
import { model, newImage } from '../../gallery/stored-images.js'
import { type RunningWeaviate, skipWithoutWeaviate, startWeaviate } from '../../support/weaviate-server.js'
import { unitVectors } from '../embedded/vector-index/unit-vectors.js'
import { layout } from './weaviate-galleries.js'

const newVector = unitVectors({ dimension: model.dimension, seed: 5 })
/** Less than the number of pictures in each test, simulating more than ten thousand. */
const answerMax = 1_100
let started: Promise<RunningWeaviate> | undefined

/** The same set in this many processes. */
async function opened(t: TestContext, count: number): Promise<OpenSet[]> {
  started ??= startWeaviate({ environment: { QUERY_MAXIMUM_RESULTS: String(answerMax) } })
  const { settings: server } = await started
  const uid = randomBytes(8).toString('hex')
  const set = { uid, galleryUid: uid, modelId: model.id, dimension: model.dimension, state: 'ready' } as const
  return Promise.all(
    Array.from({ length: count }, async () => {
      const engine = await openWeaviate({ server, layout, logger: pino({ level: 'silent' }) })
      t.after(() => engine.close())
      await engine.prepare(set, {}, false)
      return engine.open(set)
    }),
  )
}

const put = (set: OpenSet, ids: readonly string[]) =>
  set.change(ids.map((id) => ({ put: newImage(id, newVector(), { label: 'all' }) })))
const idsFrom = (name: string, count: number) =>
  Array.from({ length: count }, (_, i) => `${name}${String(i).padStart(5, '0')}`)

test('pictures stored by two processes at the same moment are all removed', {
  skip: skipWithoutWeaviate,
}, async (t) => {
  const [one, other] = (await opened(t, 2)) as [OpenSet, OpenSet]
  await put(one, ['first']) // so that pages end between two pictures with the same stamp
  t.mock.method(Date, 'now', () => 4_000_000_000_000)
  await Promise.all([put(one, idsFrom('one', 400)), put(other, idsFrom('other', 400))])
  t.mock.restoreAll()
  await put(one, ['last'])
  assert.equal(await one.removeFitting({ field: 'label', in: ['all'] }), 802)
  assert.equal((await one.state()).images, 0)
})

test('of pictures stored by two processes at the same moment, all get a descriptor', {
  skip: skipWithoutWeaviate,
}, async (t) => {
  const [one, other] = (await opened(t, 2)) as [OpenSet, OpenSet]
  t.mock.method(Date, 'now', () => 4_000_000_000_000)
  await Promise.all([put(one, idsFrom('one', 150)), put(other, idsFrom('other', 150))])
  t.mock.restoreAll()
  const seen: string[] = []
  for (let cursor: number | undefined; ; ) {
    const page = await one.copies.undescribed({ cursor, limit: 7 })
    seen.push(...page.images.map(({ id }) => id))
    cursor = page.nextCursor
    if (cursor === undefined) break
  }
  assert.deepEqual(seen.toSorted(), [...idsFrom('one', 150), ...idsFrom('other', 150)])
})

test('labels with a common prefix are counted, however many there are', { skip: skipWithoutWeaviate }, async (t) => {
  const [set] = (await opened(t, 1)) as [OpenSet]
  const labels = ['a', ...idsFrom('category ', 260), 'z']
  const images = [...labels, ...labels].map((label, i) => newImage(`p${i}`, newVector(), { label }))
  await set.change(images.map((image) => ({ put: image })))
  const expected = labels.map((label) => ({ label, count: 2 }))
  assert.deepEqual(await set.labels({ limit: 1_000 }), expected)
  assert.deepEqual(await set.labels({ after: labels[250], limit: 5 }), expected.slice(251, 256))
})

test('a list continues after many ids with a common prefix', { skip: skipWithoutWeaviate }, async (t) => {
  const [set] = (await opened(t, 1)) as [OpenSet]
  const folder = 'customers/example/production/uploads/2024/november/'
  const ids = ['a', ...idsFrom(folder, answerMax + 100), 'z']
  for (const some of [ids.filter((_, i) => i % 2 === 0), ids.filter((_, i) => i % 2 === 1)]) await put(set, some)
  const listed: string[] = []
  for (let after: string | undefined; ; ) {
    let end: string | undefined
    for await (const { images, next } of set.page({ after, limit: 500 })) {
      listed.push(...images.map(({ id }) => id))
      end = next
    }
    if (end === undefined) break
    after = end
  }
  assert.deepEqual(listed, ids)
})

test('counts of what has no label, or does not match, leave out pictures that are gone', {
  skip: skipWithoutWeaviate,
}, async (t) => {
  const [set] = (await opened(t, 1)) as [OpenSet]
  const last = idsFrom('last', 100)
  await put(set, idsFrom('first', 950))
  await put(set, last)
  await set.change(last.map((id) => ({ remove: id })))
  // the server makes room for more objects
  await put(set, ['more'])
  await set.change([{ put: newImage('unlabelled', newVector()) }])
  assert.deepEqual(await set.labels({ limit: 10 }), [
    { label: null, count: 1 },
    { label: 'all', count: 951 },
  ])
  const { compared } = await set.nearest({ vector: newVector(), filter: { not: { field: 'label', in: ['all'] } } })
  assert.equal(compared, 1)
})
