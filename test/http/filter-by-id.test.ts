import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Static } from 'typebox'
import type { SearchBatchAnswer } from '../../src/http/schemas/search-batch.js'
import { startApp } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'

const gallery = '/v1/galleries/pictures'

test('a filter by id restricts searches, batches, lists, counts and deletions, and boosts', async (t) => {
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url: gallery })
  for (const [i, id] of ['a/1', 'a/2', 'a0', 'b/1'].entries())
    await app.call(201, {
      method: 'PUT',
      url: `${gallery}/images/${encodeURIComponent(id)}`,
      payload: { image: (await drawImage('circle', i)).toString('base64'), metadata: { id: 'b/1' } },
    })
  const idsIn = (list: readonly { id: string }[]) => list.map(({ id }) => id)
  const folder = { field: 'id', gte: 'a/', lt: 'a0' }
  const listed = { field: 'id', in: ['b/1', 'a/2', 'none'] }
  const query = { imageId: 'a/1', includeSelf: true }
  const search = async (terms: object) =>
    idsIn((await app.call(200, { method: 'POST', url: `${gallery}/search`, payload: { ...query, ...terms } })).hits)

  assert.deepEqual((await search({ filter: folder })).sort(), ['a/1', 'a/2'])
  assert.deepEqual((await search({ filter: listed })).sort(), ['a/2', 'b/1'])
  assert.deepEqual((await search({ filter: { not: listed } })).sort(), ['a/1', 'a0'])
  assert.equal((await search({ boosts: [{ filter: { field: 'id', equals: 'b/1' }, weight: 2 }] }))[0], 'b/1')
  assert.equal((await search({ filter: { field: 'metadata.id', equals: 'b/1' } })).length, 4)
  const queries = [folder, listed].map((filter) => ({ ...query, filter }))
  const batch = await app.call<Static<typeof SearchBatchAnswer>>(200, {
    method: 'POST',
    url: `${gallery}/search/batch`,
    payload: { queries },
  })
  assert.deepEqual(
    batch.answers.map(({ answer }) => idsIn(answer!.hits).sort()),
    [
      ['a/1', 'a/2'],
      ['a/2', 'b/1'],
    ],
  )

  const asked = (filter: object) => `?filter=${encodeURIComponent(JSON.stringify(filter))}`
  assert.deepEqual(idsIn((await app.call(200, { url: `${gallery}/images${asked(folder)}` })).images), ['a/1', 'a/2'])
  assert.equal((await app.call(200, { url: `${gallery}/count${asked(listed)}` })).count, 2)
  const removal = { method: 'DELETE', url: `${gallery}/images${asked(listed)}` } as const
  assert.equal((await app.call<{ removed: number }>(200, removal)).removed, 2)
  assert.deepEqual(idsIn((await app.call(200, { url: `${gallery}/images` })).images), ['a/1', 'a0'])
  assert.equal((await app.call(200, { url: `${gallery}/count${asked(listed)}` })).count, 0)
  assert.deepEqual((await search({ filter: folder })).sort(), ['a/1'])
})
