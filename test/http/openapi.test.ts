import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { parse } from 'yaml'
import { describeService } from '../../src/cli/write-openapi.js'
import { serviceVersion } from '../../src/version.js'
import { startApp } from '../support/app.js'

interface Operation {
  operationId?: string
  summary?: string
  tags?: string[]
  requestBody?: { required: boolean; content: Record<string, { schema: object }> }
  responses: Record<string, { description?: string; content?: Record<string, { schema: object }> }>
}

test('openapi.yaml matches the routes; `npm run openapi` writes it', async () => {
  assert.equal(await readFile('openapi.yaml', 'utf8'), await describeService())
})

test('every operation is named, explained and lists its problems', async () => {
  const document = parse(await describeService()) as {
    openapi: string
    paths: Record<string, Record<string, Operation>>
    components: { schemas: object }
  }
  assert.equal(document.openapi, '3.1.0')
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ name: `${method} ${path}`, ...operation })),
  )
  assert.equal(new Set(operations.map(({ operationId }) => operationId)).size, operations.length)
  for (const { name, operationId, summary, tags, responses, requestBody } of operations) {
    assert.ok(operationId !== undefined && summary !== undefined && tags?.length === 1, name)
    // unreadable, too slow, an expectation, headers, shutting down; a body too large, or of another type
    for (const status of [400, 408, 417, 431, 503, ...(requestBody === undefined ? [] : [413, 415])])
      assert.ok(status in responses, `${name} lacks ${status}`)
    for (const [status, { description, content }] of Object.entries(responses)) {
      assert.ok(
        (description ?? '').length > 3 && description !== 'Default Response',
        `${name} ${status} has no description`,
      )
      if (Number(status) >= 400)
        assert.deepEqual(
          content,
          { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
          `${name} ${status}`,
        )
    }
  }
  const search = document.paths['/v1/galleries/{gallery}/search']?.post
  assert.deepEqual(Object.keys(search?.requestBody?.content ?? {}), [
    'image/*',
    'multipart/form-data',
    'application/json',
  ])
  assert.equal(search?.requestBody?.required, false)
  assert.deepEqual(Object.keys(document.components.schemas), [
    'Calibration',
    'Caller',
    'Decision',
    'EmbeddingSet',
    'Gate',
    'Explanation',
    'FeedbackAnswer',
    'Filter',
    'Gallery',
    'GalleryFields',
    'GalleryOptions',
    'Image',
    'Job',
    'Model',
    'ModelCard',
    'Problem',
    'SearchAnswer',
    'JoinedSearchAnswer',
    'SearchBatchAnswer',
    'EmbeddingAnswer',
    'CompareAnswer',
    'Evaluation',
    'Duplicates',
    'Diagnosis',
    'LaidOut',
    'Layout',
    'Snapshot',
  ])
})

test('the service serves contract, reference page and links', async (t) => {
  const { app } = await startApp(t)
  const contract = await app.inject('/openapi.yaml')
  assert.match(String(contract.headers['content-type']), /^application\/yaml/)
  assert.equal(contract.body, await readFile('openapi.yaml', 'utf8'))
  const page = await app.inject('/docs')
  assert.equal(page.statusCode, 200)
  for (const [, source] of page.body.matchAll(/(?:src|href)="([^"]+)"/g)) {
    assert.equal((await app.inject(new URL(source!, 'http://test/docs').pathname)).statusCode, 200, source)
  }
  assert.match(String(page.headers['content-security-policy']), /script-src 'self'/)
  assert.doesNotMatch(page.body, /<script>/, 'nothing on the page needs inline scripts')
  const home = (await app.inject('/v1')).json<{ name: string; links: Record<string, string> }>()
  assert.equal(home.name, 'Alike')
  for (const link of Object.values(home.links)) assert.equal((await app.inject(link)).statusCode, 200, link)
})

test('metrics on a port of their own are not linked', async (t) => {
  const { app } = await startApp(t, { metricsPort: 9100 })
  const { links } = (await app.inject('/v1')).json<{ links: Record<string, string> }>()
  assert.deepEqual([links.metrics, links.ready], [undefined, '/readyz'])
})

test('without the console, the root leads to the list of links', async (t) => {
  const { app } = await startApp(t, { consoleEnabled: false })
  const { statusCode, headers } = await app.inject('/')
  assert.deepEqual([statusCode, headers.location], [302, 'v1'])
})

test('the version is that of package.json', async () => {
  assert.equal(serviceVersion, (JSON.parse(await readFile('package.json', 'utf8')) as { version: string }).version)
})
