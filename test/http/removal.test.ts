import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startApp } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'

const gallery = '/v1/galleries/pictures'

test('pictures are removed by label, by filter and by both; the rest stays', async (t) => {
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url: gallery })
  const rows: [id: string, label: string | undefined, year: number][] = [
    ['a', 'x', 2010],
    ['b', 'x', 2020],
    ['c', 'y', 2010],
    ['d', undefined, 2020],
    ['e', 'z', 2030],
  ]
  for (const [i, [id, label, year]] of rows.entries()) {
    const payload = {
      image: (await drawImage('circle', i)).toString('base64'),
      metadata: { year },
      ...(label !== undefined && { label }),
    }
    await app.call(201, { method: 'PUT', url: `${gallery}/images/${id}`, payload })
  }
  const remove = (status: number, query: string) =>
    app.call<{ removed: number; code: string }>(status, { method: 'DELETE', url: `${gallery}/images${query}` })
  const left = async () =>
    (await app.call(200, { method: 'GET', url: `${gallery}/images` })).images.map(({ id }) => id).join('')
  const older = encodeURIComponent(JSON.stringify({ field: 'metadata.year', lt: 2015 }))

  const count = async (query: string) => (await app.call(200, { url: `${gallery}/count${query}` })).count
  assert.equal(await count(''), 5)
  assert.equal(await count(`?filter=${older}`), 2)
  assert.equal(await count('?label=&label=y'), 2)
  assert.equal(await count(`?label=x&filter=${older}`), 1)
  assert.equal((await remove(200, `?label=x&filter=${older}`)).removed, 1)
  assert.equal(await count('?label=x'), 1)
  assert.equal(await left(), 'bcde')
  assert.equal((await remove(200, `?filter=${older}`)).removed, 1)
  assert.equal(await left(), 'bde')
  assert.equal((await remove(200, '?label=')).removed, 1)
  assert.equal(await left(), 'be')
  assert.equal((await remove(200, '?label=x&label=none')).removed, 1)
  assert.equal(await left(), 'e')
  assert.equal((await remove(200, '?label=x')).removed, 0)
  assert.equal((await app.call(200, { method: 'GET', url: gallery })).count, 1)
})

test('a removal without a selection is refused, and removes nothing', async (t) => {
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url: gallery })
  await app.call(201, {
    method: 'PUT',
    url: `${gallery}/images/a`,
    headers: { 'content-type': 'image/jpeg' },
    payload: await drawImage('circle', 1),
  })
  const rows: [query: string, status: number, code: string][] = [
    ['', 400, 'request_invalid'],
    ['?', 400, 'request_invalid'],
    ['?filter=', 400, 'filter_invalid'],
    ['?filter={}', 400, 'filter_invalid'],
    ['?filter={"and":[]}', 400, 'filter_invalid'],
    ['?filters={"field":"label","exists":true}', 400, 'request_invalid'],
  ]
  for (const [query, status, code] of rows) {
    const problem = await app.call(status, { method: 'DELETE', url: `${gallery}/images${query}` })
    assert.equal(problem.code, code, query)
  }
  assert.equal(
    (await app.call(404, { method: 'DELETE', url: '/v1/galleries/none/images?label=x' })).code,
    'gallery_not_found',
  )
  assert.equal((await app.call(200, { method: 'GET', url: gallery })).count, 1)
})
