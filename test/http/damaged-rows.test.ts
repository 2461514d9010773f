/**
 * An unreadable row affects one gallery or picture: it is named and removable, and does not affect the others or a
 * backup.
 */
import assert from 'node:assert/strict'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Static } from 'typebox'
import { restoreSnapshot } from '../../src/backups/restore.js'
import type { Snapshot } from '../../src/http/schemas/snapshot.js'
import { startApp, type TestApp, temporaryFolder } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'
import { handmadeModel } from '../support/handmade-onnx.js'
import { installModel } from '../support/installed-model.js'
import { damageRow } from '../support/stored-rows.js'
import { folderOfProcess } from '../support/temporary-folder.js'
import { until } from '../support/until.js'

const png = { 'content-type': 'image/png' }
const draw = (seed: number) => drawImage('square', seed, { format: 'png' })

/**
 * Galleries `a` and `b` with two pictures each, and one damage; `a` and its first picture have the first rows of their
 * tables.
 */
async function damagedApp(
  t: TestContext,
  ...damage: [table: Parameters<typeof damageRow>[1], column: string, value: Parameters<typeof damageRow>[3]]
): Promise<TestApp> {
  const dataDir = await copiedFolder(t)
  damageRow(dataDir, ...damage)
  return startApp(t, { dataDir })
}

async function copiedFolder(t: TestContext): Promise<string> {
  const dataDir = await temporaryFolder(t)
  await cp(await (filled ??= filledFolder(t)), dataDir, { recursive: true })
  return dataDir
}

/** Of a closed service; every test damages a copy. */
let filled: Promise<string> | undefined

async function filledFolder(t: TestContext): Promise<string> {
  const dataDir = await folderOfProcess('alike-damaged-')
  const app = await startApp(t, { dataDir })
  for (const gallery of ['a', 'b']) {
    await app.call(201, { method: 'PUT', url: `/v1/galleries/${gallery}`, payload: { settings: { of: gallery } } })
    for (const seed of [1, 2])
      await app.call(201, {
        method: 'PUT',
        url: `/v1/galleries/${gallery}/images/${seed}`,
        headers: png,
        payload: await draw(seed),
      })
  }
  await app.close()
  return dataDir
}

async function snapshotOf(app: TestApp): Promise<Static<typeof Snapshot>> {
  const { id } = await app.call<Static<typeof Snapshot>>(202, { method: 'POST', url: '/v1/snapshots' })
  const snapshot = await until(async () => {
    const now = await app.call<Static<typeof Snapshot>>(200, { url: `/v1/snapshots/${id}` })
    return now.state !== 'writing' && now
  }, 'the end of the snapshot')
  assert.equal(snapshot.state, 'ready', snapshot.failure?.detail)
  return snapshot
}

for (const [table, column, value] of [
  ['gallery', 'settings', '{'],
  ['gallery', 'uid', 'x'],
  ['embedding_set', 'count', 7],
  ['embedding_set', 'model_id', 'x'],
] as const) {
  test(`a gallery whose ${column} is damaged (${value}) is named and can be deleted; the others and backups work`, async (t) => {
    const app = await damagedApp(t, table, column, value)
    const { galleries } = await app.call(200, { url: '/v1/galleries' })
    assert.deepEqual(
      galleries.map(({ name, unreadable, settings, count, searchable }) => [
        name,
        unreadable,
        settings,
        count,
        searchable,
      ]),
      [
        ['a', 'record', {}, 0, false],
        ['b', undefined, { of: 'b' }, 2, true],
      ],
    )
    assert.equal((await app.call(200, { url: '/v1/galleries/a' })).unreadable, 'record')
    for (const request of [
      { url: '/v1/galleries/a/images' },
      { url: '/v1/galleries/a/images/1' },
      { url: '/v1/galleries/a/labels' },
      { method: 'POST', url: '/v1/galleries/a/search', payload: { imageId: '1' } },
      { method: 'PUT', url: '/v1/galleries/a/images/3', headers: png, payload: await draw(3) },
      { method: 'PUT', url: '/v1/galleries/a', payload: { settings: { of: 'a' } } },
      { method: 'DELETE', url: '/v1/galleries/a/images/1' },
    ] as const)
      await app.call(500, request)
    assert.equal(
      (await app.call(200, { method: 'POST', url: '/v1/galleries/b/search', payload: { imageId: '1' } })).hits.length,
      1,
    )

    const snapshot = await snapshotOf(app)
    assert.deepEqual([snapshot.damagedGalleries, snapshot.images, snapshot.damagedImages], [['a'], 4, undefined])
    const restored = await temporaryFolder(t)
    await restoreSnapshot(join(app.config.dataDir, 'snapshots', snapshot.id), restored)
    const again = await startApp(t, { dataDir: restored })
    assert.deepEqual(
      (await again.call(200, { url: '/v1/galleries' })).galleries.map(({ unreadable }) => unreadable),
      ['record', undefined],
    )

    await app.call(204, { method: 'DELETE', url: '/v1/galleries/a' })
    await app.call(404, { url: '/v1/galleries/a' })
    await app.call(201, { method: 'PUT', url: '/v1/galleries/a' })
    await app.call(201, { method: 'PUT', url: '/v1/galleries/a/images/1', headers: png, payload: await draw(1) })
    assert.equal((await snapshotOf(app)).damagedGalleries, undefined)
    await app.call(200, { url: '/livez' })
  })
}

test('a damaged record of a set that does not serve affects only what needs that set', async (t) => {
  const dataDir = await temporaryFolder(t)
  const before = await startApp(t, { dataDir })
  const url = '/v1/galleries/a'
  await before.call(201, { method: 'PUT', url })
  await installModel(before, (await handmadeModel(t, { dimension: 12, name: 'twelve' })).folder)
  await before.parts.galleries.sets.add('a', 'twelve', {})
  await before.close()
  damageRow(dataDir, 'embedding_set', 'count', 7, 'max')

  const app = await startApp(t, { dataDir })
  const { name, searchable, unreadable } = await app.call(200, { url })
  assert.deepEqual([name, searchable, unreadable], ['a', true, undefined])
  await app.call(200, { method: 'PUT', url })
  await app.call(201, { method: 'PUT', url: `${url}/images/1`, headers: png, payload: await draw(1) })
  await app.call(200, { method: 'POST', url: `${url}/search`, payload: { imageId: '1' } })
  await app.call(500, { url: `${url}/sets` })
  assert.equal((await snapshotOf(app)).damagedGalleries, undefined)
  await app.call(204, { method: 'DELETE', url })
})

for (const [table, column] of [
  ['thumbnail', 'webp'],
  ['copy_descriptor', 'descriptor'],
] as const) {
  test(`a damaged ${table} affects one picture, no backup, and is repaired by storing the picture again`, async (t) => {
    const app = await damagedApp(t, table, column, Buffer.from('damaged'))
    const thumbnail = '/v1/galleries/a/images/1/thumbnail'
    if (table === 'thumbnail') assert.equal((await app.call(409, { url: thumbnail })).code, 'image_damaged')
    assert.equal((await app.call(200, { url: '/v1/galleries/a/images' })).images.length, 2)
    assert.equal(
      (
        await app.call(200, {
          method: 'POST',
          url: '/v1/galleries/a/search',
          payload: { imageId: '1', includeSelf: true },
        })
      ).hits.length,
      2,
    )
    assert.deepEqual((await snapshotOf(app)).damagedImages, { count: 1, first: [{ gallery: 'a', id: '1' }] })
    await app.call(200, { method: 'PUT', url: '/v1/galleries/a/images/1', headers: png, payload: await draw(1) })
    await app.call(200, { url: thumbnail })
    assert.equal((await snapshotOf(app)).damagedImages, undefined)
  })
}

test('a damaged embedding affects one picture, neither its gallery nor a backup', async (t) => {
  const app = await damagedApp(t, 'embedding', 'vector', Buffer.from('damaged'))
  const expectOneHit = async (on: TestApp) => {
    const search = { method: 'POST', url: '/v1/galleries/a/search' } as const
    const { hits } = await on.call(200, { ...search, payload: { imageId: '2', includeSelf: true } })
    assert.deepEqual(
      hits.map(({ id }: { id: string }) => id),
      ['2'],
    )
    assert.equal((await on.call(409, { ...search, payload: { imageId: '1' } })).code, 'image_damaged')
    for (const [format, length] of [
      ['numbers', 24],
      ['base64', 24 * 4 * (4 / 3)],
    ] as const) {
      const list = `/v1/galleries/a/images?include=vector&vectorFormat=${format}`
      const { images } = await on.call(200, { url: list })
      assert.deepEqual(
        images.map(({ id, vector }) => [id, vector === null ? null : vector?.length]),
        [
          ['1', null],
          ['2', length],
        ],
      )
    }
  }
  await expectOneHit(app)
  const snapshot = await snapshotOf(app)
  assert.deepEqual([snapshot.images, snapshot.damagedImages], [4, { count: 1, first: [{ gallery: 'a', id: '1' }] }])
  const restored = await temporaryFolder(t)
  await restoreSnapshot(join(app.config.dataDir, 'snapshots', snapshot.id), restored)
  await expectOneHit(await startApp(t, { dataDir: restored }))

  await app.call(200, { method: 'PUT', url: '/v1/galleries/a/images/1', headers: png, payload: await draw(1) })
  assert.equal((await snapshotOf(app)).damagedImages, undefined)
  const { hits } = await app.call(200, {
    method: 'POST',
    url: '/v1/galleries/a/search',
    payload: { imageId: '1', includeSelf: true },
  })
  assert.equal(hits.length, 2)
})

test('hits whose embeddings are damaged or missing do not expand the query', async (t) => {
  const app = await startApp(t, { dataDir: await copiedFolder(t) })
  const vectorBy = async (more: object) => {
    const payload = { imageId: '2', include: ['vector'], ...more }
    return (await app.call(200, { method: 'POST', url: '/v1/galleries/a/search', payload })).vector
  }
  const plain = await vectorBy({})
  assert.notDeepEqual(await vectorBy({ expand: 1 }), plain)
  // found nevertheless, because the index has read it before
  damageRow(app.config.dataDir, 'embedding', 'vector', Buffer.from('damaged'))
  assert.deepEqual(await vectorBy({ expand: 1 }), plain)
  damageRow(app.config.dataDir, 'embedding', 'key', 2 ** 40)
  assert.deepEqual(await vectorBy({ expand: 1 }), plain)
})

test('a damaged embedding is null, of a hit as of a record', async (t) => {
  const app = await startApp(t, { dataDir: await copiedFolder(t) })
  const vectorsOf = async () => {
    const payload = { imageId: '2', includeSelf: true, include: ['hitVectors'] }
    const { hits } = await app.call(200, { method: 'POST', url: '/v1/galleries/a/search', payload })
    return new Map(hits.map(({ id, vector }) => [id, vector]))
  }
  const before = await vectorsOf()
  assert.ok([...before.values()].every(Array.isArray))
  damageRow(app.config.dataDir, 'embedding', 'vector', Buffer.from('damaged'))
  const [after, record] = [await vectorsOf(), await app.call(200, { url: '/v1/galleries/a/images/1?include=vector' })]
  assert.deepEqual(after, before.set('1', null))
  assert.deepEqual([record.vector, record.label], [null, null])
})
