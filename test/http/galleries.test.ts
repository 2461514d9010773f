/** Concurrent creation and deletion of galleries: every response is documented in the contract. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startApp } from '../support/app.js'

const url = '/v1/galleries/g'

test('a gallery created while being deleted is reported as created, and works', async (t) => {
  const app = await startApp(t)
  const seen = new Map<string, number>()
  const ask = async (method: 'PUT' | 'DELETE') => {
    const { statusCode, body } = await app.app.inject({
      method,
      url,
      ...(method === 'PUT' && { payload: { settings: { by: 'test' } } }),
    })
    const key = `${method} ${statusCode}`
    seen.set(key, (seen.get(key) ?? 0) + 1)
    if (statusCode < 300 && method === 'PUT')
      assert.deepEqual((JSON.parse(body) as { name: string; settings: object; searchable: boolean }).settings, {
        by: 'test',
      })
  }
  const isRare = () => ['PUT 201', 'DELETE 204'].some((key) => (seen.get(key) ?? 0) <= 20)
  for (let round = 0; round < 40 || (isRare() && round < 400); round++) {
    await Promise.all(Array.from({ length: 12 }, (_, i) => ask(i % 3 === round % 3 ? 'DELETE' : 'PUT')))
  }
  const expected = new Set(['PUT 200', 'PUT 201', 'DELETE 204', 'DELETE 404'])
  assert.deepEqual(
    [...seen.keys()].filter((key) => !expected.has(key)),
    [],
    JSON.stringify([...seen]),
  )
  assert.ok(!isRare())

  await ask('PUT')
  assert.equal(
    (
      await app.app.inject({
        method: 'POST',
        url: `${url}/search`,
        payload: { vector: [1, ...Array<number>(23).fill(0)] },
      })
    ).statusCode,
    200,
  )
  assert.deepEqual(
    app.log.filter(({ level }) => Number(level) >= 50),
    [],
  )
})

test('a JSON body may be empty where none is needed', async (t) => {
  const app = await startApp(t)
  const empty = { headers: { 'content-type': 'application/json' }, payload: '' }
  assert.equal((await app.call(201, { method: 'PUT', url, ...empty })).name, 'g')
  await app.call(202, { method: 'POST', url: `${url}/layout`, ...empty })
  await app.call(404, { method: 'DELETE', url: `${url}/images/a`, ...empty })
  await app.call(204, { method: 'DELETE', url, ...empty })
})

test('a gallery is created only if there is none of its name, if the request says so', async (t) => {
  const app = await startApp(t)
  const create = (status: number, payload: object = {}, headers: object = { 'if-none-match': '*' }) =>
    app.call(status, { method: 'PUT', url, payload, headers: { ...headers } })
  const settings = { by: 'test' }
  assert.deepEqual((await create(201, { settings })).settings, settings)
  for (const same of [{ settings }, { settings: { by: 'another' } }])
    assert.equal((await create(412, same)).code, 'precondition_failed')
  assert.deepEqual((await app.call(200, { url })).settings, settings)
  await create(200, { settings }, {})
  await app.call(204, { method: 'DELETE', url })
  await create(201)
})
