/** Every change either honours a condition or parameter or refuses it: who sends one relies on it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startApp } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'

interface Operation {
  operationId: string
  parameters?: { in: string; name: string }[]
  responses: object
}

const reads = /^(search|embed|compare|explain)/
const gallery = '/v1/galleries/a'

test('a change is refused with a condition that its parameters do not list, and nothing has changed', async (t) => {
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url: gallery })
  const image = { headers: { 'content-type': 'image/jpeg' }, payload: await drawImage('circle', 1) }
  await app.call(201, { method: 'PUT', url: `${gallery}/images/a?label=old`, ...image })
  const state = () => Promise.all([gallery, `${gallery}/images`, '/v1/jobs'].map((url) => app.call(200, { url })))
  const before = await state()
  const { paths } = await app.call<{ paths: Record<string, Record<string, Operation>> }>(200, { url: '/docs/json' })
  const honoured: string[] = []
  let refused = 0
  for (const [path, methods] of Object.entries(paths))
    for (const [method, { operationId, parameters = [], responses }] of Object.entries(methods)) {
      if (method === 'get' || method === 'head' || reads.test(operationId)) continue
      const url = path
        .replace('{gallery}', 'a')
        .replace('{id}', 'a')
        .replaceAll(/\{\w+\}/g, 'x')
      for (const condition of ['if-match', 'if-none-match'])
        if (parameters.some((one) => one.in === 'header' && one.name === condition))
          honoured.push(`${operationId} ${condition}`)
        else
          for (const tags of ['*', '"seen"', '']) {
            const asked = { method: method.toUpperCase() as 'PUT', url, headers: { [condition]: tags } }
            const { code, errors } = await app.call(400, asked)
            const detail = 'is not a condition of this request; nothing has changed'
            assert.equal(code, 'request_invalid', operationId)
            assert.deepEqual(errors, [{ in: 'headers', pointer: `/${condition}`, detail }], operationId)
            assert.ok('400' in responses, operationId)
            refused++
          }
    }
  assert.deepEqual(honoured.sort(), [
    'changeImage if-match',
    'changeImage if-none-match',
    'createGallery if-none-match',
    'deleteImage if-match',
    'deleteImage if-none-match',
    'putImage if-match',
    'putImage if-none-match',
  ])
  assert.ok(refused > 100, `${refused}`)
  assert.deepEqual(await state(), before)
})

test('a change or search that has no parameters is refused with any', async (t) => {
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url: gallery })
  for (const [method, path, name] of [
    ['PUT', '/v1/galleries/b', 'engine'],
    ['PATCH', gallery, 'keepQueries'],
    ['DELETE', gallery, 'label'],
    ['DELETE', `${gallery}/images/x`, 'dryRun'],
    ['POST', '/v1/snapshots', 'name'],
    ['POST', `${gallery}/search/batch`, 'label'],
  ] as const) {
    const { errors } = await app.call(400, { method, url: `${path}?${name}=x` })
    assert.deepEqual(errors, [{ in: 'query', pointer: `/${name}`, detail: 'is unknown' }], path)
  }
  await app.call(200, { url: gallery })
  await app.call(404, { url: '/v1/galleries/b' })
  await app.call(204, { method: 'DELETE', url: `${gallery}?` })
})

test('OPTIONS that is no preflight names the methods, whatever it carries', async (t) => {
  const app = await startApp(t, { corsOrigins: 'https://shop.example' })
  const request = { method: 'OPTIONS', url: `${gallery}?label=x`, headers: { 'if-match': '*' } } as const
  assert.equal((await app.call(405, request)).code, 'method_not_allowed')
})

test('a gallery is not created if an entity tag is given, which it does not have', async (t) => {
  const app = await startApp(t)
  for (const tags of ['"seen"', ''])
    await app.call(400, { method: 'PUT', url: gallery, headers: { 'if-none-match': tags } })
  await app.call(404, { url: gallery })
})

test('a search is answered whatever its conditions', async (t) => {
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url: gallery })
  const headers = { 'content-type': 'image/jpeg', 'if-none-match': '"seen"' }
  await app.call(200, { method: 'POST', url: `${gallery}/search`, headers, payload: await drawImage('circle', 1) })
})
