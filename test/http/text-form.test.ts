/**
 * Ids and labels compared by code point, even if they look alike. In a separate file, because the form applies to the
 * whole process.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startApp } from '../support/app.js'
import { tarOf } from '../support/archives.js'
import { drawImage } from '../support/drawn-images.js'
import { endedJob, sendJob } from '../support/jobs.js'

const spellings = ['K\u00e4se', 'Ka\u0308se'] as const
const gallery = '/v1/galleries/spelt'

test('two spellings are two ids and two labels, in URLs, archives, filters and removals', async (t) => {
  const app = await startApp(t, { textForm: 'as_is' })
  await app.call(201, { method: 'PUT', url: gallery })
  const [first, second] = spellings
  const tar = await tarOf(
    await Promise.all(
      spellings.map(async (name, i) => ({ path: `${name}/1.jpg`, content: await drawImage('cross', i + 1) })),
    ),
  )
  const { state, added } = await endedJob(
    app,
    await sendJob(app, gallery, { 'content-type': 'application/x-tar' }, tar),
  )
  assert.deepEqual([state, added], ['succeeded', 2])
  for (const name of spellings) {
    const url = `${gallery}/images/${encodeURIComponent(`${name}/1.jpg`)}`
    const { id, label } = await app.call(200, { url })
    assert.deepEqual([id, label], [`${name}/1.jpg`, name])
    const { hits } = await app.call(200, {
      method: 'POST',
      url: `${gallery}/search`,
      payload: { imageId: `${name}/1.jpg`, includeSelf: true, label: name, k: 5 },
    })
    assert.deepEqual(
      hits.map((hit: { id: string }) => hit.id),
      [`${name}/1.jpg`],
    )
  }
  await app.call(204, { method: 'DELETE', url: `${gallery}/images/${encodeURIComponent(`${first}/1.jpg`)}` })
  const { images } = await app.call(200, { url: `${gallery}/images` })
  assert.deepEqual(
    images.map(({ id }: { id: string }) => id),
    [`${second}/1.jpg`],
  )
})
