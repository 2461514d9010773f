/** Every operation of the contract, called by those who may not: a route that is added later is tried as well. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { InjectOptions } from 'fastify'
import { makeKey } from '../../src/access/api-keys.js'
import { roles } from '../../src/access/grants.js'
import { startApp, type TestApp } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'
import { handmadeModel } from '../support/handmade-onnx.js'

const owner = makeKey('owner', 'admin')
const bearer = ({ key }: { key: string }) => ({ authorization: `Bearer ${key}` })
type Method = NonNullable<InjectOptions['method']>

interface Operation {
  name: string
  path: string
  method: Method
  isOpen: boolean
}

/** With `HEAD` where there is one. */
async function operationsOf(app: TestApp): Promise<Operation[]> {
  const { paths } = await app.call<{ paths: Record<string, Record<string, { security?: unknown[] }>> }>(200, {
    url: '/docs/json',
  })
  const hasHead = (path: string) => app.app.hasRoute({ method: 'HEAD', url: path.replace(/\{(\w+)\}/g, ':$1') })
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([lower, { security }]) => {
      const named = lower === 'get' && hasHead(path) ? ['GET', 'HEAD'] : [lower.toUpperCase()]
      const isOpen = security?.length === 0
      return named.map((method) => ({ name: `${method} ${path}`, path, method: method as Method, isOpen }))
    }),
  )
}

/** @param values of the path's parameters */
function requestOf({ path, method }: Operation, values: Record<string, string>, headers = {}): InjectOptions {
  const url = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? '1'))
  const hasBody = !['GET', 'HEAD', 'DELETE'].includes(method)
  return { method, url, headers, ...(hasBody && { payload: {} }) }
}

/** Status and body, without the id of the request. */
async function answerOf(app: TestApp, request: InjectOptions): Promise<{ status: number; text: string }> {
  const { statusCode: status, body, headers } = await app.app.inject(request)
  const { 'x-request-id': _id, date: _date, ...rest } = headers
  return { status, text: `${JSON.stringify(rest)} ${body.replace(/"requestId":"[^"]*"/, '')}` }
}

test('no operation tells a caller anything of a gallery out of its reach, not even that there is one', async (t) => {
  const keys = roles.map((role) => makeKey(`tenant-${role}`, role, { galleries: ['mine-*'] }))
  const { folder: modelDir } = await handmadeModel(t, { dimension: 24 })
  const app = await startApp(t, { modelDir, apiKeys: [owner, ...keys].map(({ line }) => line).join() })
  const url = '/v1/galleries/hidden'
  const headers = bearer(owner)
  await app.call(201, { method: 'PUT', url, headers })
  const image = (await drawImage('circle', 1)).toString('base64')
  const payload = { image, label: 'hidden-label', metadata: { hidden: true } }
  await app.call(201, { method: 'PUT', url: `${url}/images/hidden-id`, headers, payload })
  const { id: job } = await app.call(202, { method: 'POST', url: `${url}/doctor`, headers })
  const { models } = await app.call<{ models: { id: string }[] }>(200, { url: '/v1/models', headers })
  const values = { gallery: 'hidden', id: 'hidden-id', job, model: models[0]!.id, plot: 'a.svg' }

  const operations = await operationsOf(app)
  for (const operation of operations) {
    for (const key of keys) {
      const { status, text } = await answerOf(app, requestOf(operation, values, bearer(key)))
      assert.doesNotMatch(text, /hidden/, operation.name)
      if (/\{(gallery|job)\}/.test(operation.path)) assert.equal(status, 403, operation.name)
      if (!operation.path.includes('{gallery}')) continue
      const none = requestOf(operation, { ...values, gallery: 'none', id: 'none' }, bearer(key))
      assert.deepEqual(await answerOf(app, none), { status, text }, operation.name)
    }
  }
  assert.ok(operations.length > 60, `${operations.length} operations`)
  await app.call(200, { url: `${url}/images/hidden-id`, headers })
})

test('every operation that is not open needs a key', async (t) => {
  const app = await startApp(t, { apiKeys: owner.line })
  for (const operation of await operationsOf(app))
    for (const headers of [{}, { authorization: 'Bearer alike_guess' }, { 'x-api-key': 'a.b.c' }]) {
      const { status } = await answerOf(app, requestOf(operation, {}, headers))
      assert.equal(status === 401, !operation.isOpen, `${operation.name}: ${status}`)
    }
})
