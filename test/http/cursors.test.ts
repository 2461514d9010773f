/** Every list continues after its own cursors and refuses those of the others. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startApp } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'

const headers = { 'content-type': 'image/jpeg' }

test('a cursor of another list, gallery or filter is refused, as is one that was not issued', async (t) => {
  const app = await startApp(t)
  const picture = await drawImage('circle', 1)
  for (const gallery of ['/v1/galleries/a', '/v1/galleries/b']) {
    await app.call(201, { method: 'PUT', url: gallery })
    for (const [id, label] of ['odd', 'odd', 'even'].entries())
      await app.call(201, { method: 'PUT', url: `${gallery}/images/${id}?label=${label}`, headers, payload: picture })
    const hits = ['1', '2'].map((id) => ({ id, verdict: 'right' }))
    await app.call(200, { method: 'POST', url: `${gallery}/feedback`, payload: { query: { id: '0' }, hits } })
  }
  const labelled = encodeURIComponent('{"field":"label","exists":true}')
  const lists = [
    '/v1/galleries?limit=1',
    ...['a', 'b'].flatMap((gallery) => [
      `/v1/galleries/${gallery}/images?limit=1`,
      `/v1/galleries/${gallery}/images?limit=1&label=odd`,
      `/v1/galleries/${gallery}/images?limit=1&include=vector`,
      `/v1/galleries/${gallery}/images?limit=1&include=vector&label=odd`,
      `/v1/galleries/${gallery}/images?limit=1&label=odd&filter=${labelled}`,
      `/v1/galleries/${gallery}/labels?limit=1`,
      `/v1/galleries/${gallery}/feedback?limit=1`,
    ]),
  ]
  const cursors = new Map<string, string>()
  for (const url of lists) {
    const { nextCursor, cursor } = (await app.app.inject(url)).json<{ nextCursor?: string; cursor?: string }>()
    cursors.set(url, (nextCursor ?? cursor)!)
  }
  for (const url of [...lists, '/v1/galleries/a/decisions?limit=1'])
    for (const [of, cursor] of [...cursors, ['none', 'bm9uZQ'], ['empty', '']] as const) {
      const answer = await app.app.inject(`${url}&cursor=${cursor}`)
      assert.equal(answer.statusCode, of === url ? 200 : 400, `${url} with the cursor of ${of}`)
      if (of !== url) assert.equal(answer.json<{ code: string }>().code, 'request_invalid')
    }
})

test('a list continues after the longest id', async (t) => {
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url: '/v1/galleries/a' })
  const payload = await drawImage('circle', 1)
  for (const id of ['🦊'.repeat(512), '🦋'])
    await app.call(201, { method: 'PUT', url: `/v1/galleries/a/images/${encodeURIComponent(id)}`, headers, payload })
  for (const list of ['/v1/galleries/a/images?limit=1', '/v1/galleries/a/images?limit=1&include=vector']) {
    const { nextCursor } = await app.call(200, { url: list })
    const { images } = await app.call(200, { url: `${list}&cursor=${nextCursor}` })
    assert.deepEqual(
      images.map(({ id }) => id),
      ['🦋'],
    )
  }
})
