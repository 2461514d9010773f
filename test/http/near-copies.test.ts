import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import sharp from 'sharp'
import { edited } from '../../src/image/edits.js'
import { startApp, type TestApp } from '../support/app.js'
import { drawScene } from '../support/drawn-scenes.js'

const gallery = '/v1/galleries/g'
const jpeg = { 'content-type': 'image/jpeg' }
const count = 30

async function filled(t: TestContext): Promise<TestApp> {
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url: gallery })
  for (let i = 0; i < count; i++) await put(app, `scene${i}`, await drawScene(i), `label=${i % 2 ? 'odd' : 'even'}`)
  await put(app, 'small', await edited(await drawScene(4), 'quarter size'), 'label=even')
  await put(
    app,
    'even',
    await sharp({ create: { width: 60, height: 60, channels: 3, background: '#888' } })
      .jpeg()
      .toBuffer(),
    'label=odd',
  )
  return app
}

const put = (app: TestApp, id: string, payload: Buffer, query: string) =>
  app.call(201, { method: 'PUT', url: `${gallery}/images/${id}?${query}`, headers: jpeg, payload })
const search = (app: TestApp, payload: object) => app.call(200, { method: 'POST', url: `${gallery}/search`, payload })
const ids = ({ hits }: { hits: { id: string }[] }) => hits.map(({ id }) => id).sort()

test('a hit shows how likely it is a copy of the query', async (t) => {
  const app = await filled(t)
  const copy = await edited(await drawScene(7), 'mirrored')
  const { hits } = await app.call(200, {
    method: 'POST',
    url: `${gallery}/search?k=100`,
    headers: { 'content-type': 'image/webp' },
    payload: await sharp(copy).webp().toBuffer(),
  })
  assert.equal(hits.length, count + 2)
  for (const { id, nearCopyScore } of hits) {
    if (id === 'scene7') assert.ok(nearCopyScore! > 0.6, `${nearCopyScore}`)
    else if (id === 'even') assert.equal(nearCopyScore, null)
    else assert.ok(nearCopyScore! >= 0 && nearCopyScore! < 0.4, `${id} ${nearCopyScore}`)
  }
  const stored = (await search(app, { imageId: 'scene4', k: 100 })).hits
  assert.ok(stored.find(({ id }) => id === 'small')!.nearCopyScore! > 0.6)
  const grouped = await search(app, { imageId: 'scene4', groupBy: 'label', groupSize: 100 })
  assert.ok(
    grouped.groups.every(({ hits: members }) =>
      members.every((hit) => hit.nearCopyScore === stored.find(({ id }) => id === hit.id)!.nearCopyScore),
    ),
  )
})

test('a vector cannot find copies, and is refused when they are requested', async (t) => {
  const app = await filled(t)
  const { vector } = await search(app, { imageId: 'scene1', include: ['vector'] })
  assert.ok((await search(app, { vector })).hits.every((hit) => !('nearCopyScore' in hit)))
  const refused = await app.call<{ errors: { pointer: string }[] }>(400, {
    method: 'POST',
    url: `${gallery}/search`,
    payload: { vector, nearCopies: 'only' },
  })
  assert.equal(refused.errors[0]!.pointer, '/nearCopies')
})

test('on request only near-copies are hits, by descriptor instead of score', async (t) => {
  const app = await filled(t)
  assert.deepEqual(ids(await search(app, { imageId: 'scene4', nearCopies: 'only' })), ['small'])
  assert.deepEqual(ids(await search(app, { imageId: 'scene4', nearCopies: 'only', includeSelf: true })), [
    'scene4',
    'small',
  ])
  assert.deepEqual(
    ids(await search(app, { imageId: 'scene4', nearCopies: 'only', filter: { field: 'label', in: ['odd'] } })),
    [],
  )
  assert.deepEqual(ids(await search(app, { imageId: 'scene5', nearCopies: 'only' })), [])
  assert.deepEqual(ids(await search(app, { imageId: 'even', nearCopies: 'only' })), [])
  const grey = (await edited(await drawScene(4), 'grey')).toString('base64')
  assert.deepEqual(ids(await search(app, { image: grey, nearCopies: 'only' })), ['scene4', 'small'])
  const same = (await drawScene(4)).toString('base64')
  assert.deepEqual(
    ids(await search(app, { image: same, nearCopies: 'only', duplicateScore: 1 })),
    ['scene4'],
    'a threshold of its own',
  )
  assert.deepEqual(
    ids(await search(app, { image: same, nearCopies: 'only', duplicateScore: 0.3 })),
    ['scene4', 'small'],
    'and nothing is hidden',
  )
  assert.deepEqual(ids(await search(app, { image: grey, nearCopies: 'only', hideDuplicates: true })).length, 1)
  assert.deepEqual(
    (await search(app, { image: grey, nearCopies: 'only', groupBy: 'label', groupSize: 9 })).groups.map(
      ({ key, hits }) => [key, ids({ hits })],
    ),
    [['even', ['scene4', 'small']]],
  )
  await app.call(204, { method: 'DELETE', url: `${gallery}/images/small` })
  assert.deepEqual(ids(await search(app, { image: grey, nearCopies: 'only' })), ['scene4'])
  await app.call(400, { method: 'POST', url: `${gallery}/search`, payload: { imageId: 'scene4', nearCopies: 'all' } })
})

test('files with the same bytes are near-copies, even without features', async (t) => {
  const app = await filled(t)
  const uniform = (background: string) =>
    sharp({ create: { width: 60, height: 60, channels: 3, background } })
      .jpeg()
      .toBuffer()
  const grey = await uniform('#888')
  await put(app, 'even-again', grey, 'label=even')
  await put(app, 'white', await uniform('#fff'), 'label=even')
  const asked = { nearCopies: 'only', k: 100 }
  assert.deepEqual(ids(await search(app, { ...asked, imageId: 'even' })), ['even-again'])
  assert.deepEqual(ids(await search(app, { ...asked, image: grey.toString('base64') })), ['even', 'even-again'])
  assert.deepEqual(ids(await search(app, { ...asked, imageId: 'even', label: ['odd'] })), [])
  const region = { x: 0, y: 0, width: 0.5, height: 0.5 }
  assert.deepEqual(ids(await search(app, { ...asked, image: grey.toString('base64'), region })), [])
})

test('the default hides real copies and nothing else', async (t) => {
  const app = await filled(t)
  const all = await search(app, { imageId: 'scene9', k: 100 })
  const shown = await search(app, { imageId: 'scene9', k: 100, hideDuplicates: true })
  const hidden = ids(all).filter((id) => !ids(shown).includes(id))
  assert.equal(hidden.length, 1)
  assert.ok(['scene4', 'small'].includes(hidden[0]!))
})

test('comparing two pictures also compares them as copies', async (t) => {
  const app = await startApp(t)
  const scene = await drawScene(1)
  const even = await sharp({ create: { width: 60, height: 60, channels: 3, background: '#888' } })
    .png()
    .toBuffer()
  const compare = (...images: Buffer[]) =>
    app.call<{ nearCopyScore: number | null }>(200, {
      method: 'POST',
      url: '/v1/compare',
      payload: { images: images.map((image) => image.toString('base64')) },
    })
  assert.equal((await compare(scene, scene)).nearCopyScore, 1)
  assert.ok((await compare(scene, await edited(scene, '10 % cut off each side'))).nearCopyScore! > 0.6)
  assert.ok((await compare(scene, await drawScene(2))).nearCopyScore! < 0.4)
  assert.equal((await compare(scene, even)).nearCopyScore, null)
})
