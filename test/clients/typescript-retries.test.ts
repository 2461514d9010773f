/** What the client does when the service is full, its answers break off or its outcome is unknown. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AlikeClient, AlikeUnreachable } from '../../clients/typescript/src/alike-client.js'
import { answering, refuse } from '../support/scripted-server.js'

test('a full service is retried after the requested time, and a search is sent whole each time', async (t) => {
  const started: number[] = []
  const lengths: (string | undefined)[] = []
  const { url } = await answering(t, ({ headers }, response, count) => {
    started.push(performance.now())
    lengths.push(headers['content-length'])
    if (count === 1) refuse(response, 429, 'overloaded', { 'retry-after': '1' })
    else if (count === 2) response.destroy()
    else response.writeHead(200, { 'content-type': 'application/json' }).end('{"hits":[]}')
  })
  const client = new AlikeClient({ url, retry: { firstPauseMs: 1 } })
  assert.deepEqual(await client.search('g', new Uint8Array(7)), { hits: [] })
  assert.deepEqual(lengths, ['7', '7', '7'])
  assert.ok(started[1]! - started[0]! >= 990, 'not before the time that Retry-After names')
})

test('retries are bounded, and requests that are not idempotent are sent once', async (t) => {
  const full = await answering(t, (_request, response) => refuse(response, 503, 'shutting_down'))
  const retry = { attempts: 3, firstPauseMs: 1, pauseMaxMs: 2000 }
  await assert.rejects(new AlikeClient({ url: full.url, retry }).gallery('g'), { code: 'shutting_down' })
  assert.equal(full.requests.length, 3)

  const late = await answering(t, (_request, response) => refuse(response, 429, 'overloaded', { 'retry-after': '60' }))
  await assert.rejects(new AlikeClient({ url: late.url, retry }).gallery('g'), {
    code: 'overloaded',
    retryAfterSeconds: 60,
  })
  assert.equal(late.requests.length, 1, 'nobody waits longer than the bound')

  const broken = await answering(t, (_request, response) => void response.destroy())
  const client = new AlikeClient({ url: broken.url, retry })
  await assert.rejects(
    client.api.POST('/v1/galleries/{gallery}/evaluate', { params: { path: { gallery: 'g' } } }),
    AlikeUnreachable,
  )
  assert.equal(broken.requests.length, 1)
  await assert.rejects(client.gallery('g'), AlikeUnreachable)
  assert.equal(broken.requests.length, 4)
})

test('a request whose outcome is unknown is repeated only if it is idempotent', async (t) => {
  const { url, requests } = await answering(t, (_request, response) => refuse(response, 503, 'store_outcome_unknown'))
  const client = new AlikeClient({ url, retry: { attempts: 3, firstPauseMs: 1 } })
  await assert.rejects(client.api.POST('/v1/galleries/{gallery}/evaluate', { params: { path: { gallery: 'g' } } }), {
    code: 'store_outcome_unknown',
  })
  assert.equal(requests.length, 1)
  await assert.rejects(client.createGallery('g'), { code: 'store_outcome_unknown' })
  assert.equal(requests.length, 4)
})

test('a change with a condition is repeated only if it was surely not executed: otherwise it might be refused', async (t) => {
  const params = { path: { gallery: 'g', id: 'a' }, header: { 'if-match': '"seen"' } }
  for (const [status, code, times] of [
    [503, 'store_outcome_unknown', 1],
    [503, 'engine_unreachable', 1],
    [504, 'unknown', 1],
    [429, 'overloaded', 3],
  ] as const) {
    const { url, requests } = await answering(t, (_request, response) => refuse(response, status, code))
    const client = new AlikeClient({ url, retry: { attempts: 3, firstPauseMs: 1 } })
    await assert.rejects(client.api.DELETE('/v1/galleries/{gallery}/images/{id}', { params }), { code })
    assert.equal(requests.length, times, code)
  }
})

test('an answer that breaks off is requested again, or reported as one', async (t) => {
  let breakOff = () => {}
  const { url, requests } = await answering(t, ({ url: path }, response, count) => {
    const type = path!.endsWith('/errors') ? 'application/x-ndjson' : 'application/json; charset=utf-8'
    response.writeHead(200, { 'content-type': type })
    if (count === 3) return response.end('{"name":"g"}')
    breakOff = () => response.destroy()
    // what is read line by line breaks off once its first line has been read
    response.write('{"name":"g"}\n{"na', () => path!.endsWith('/errors') || setTimeout(breakOff, 20))
  })
  const client = new AlikeClient({ url, retry: { firstPauseMs: 1 } })
  await assert.rejects(
    client.api.POST('/v1/galleries/{gallery}/evaluate', { params: { path: { gallery: 'g' } } }),
    AlikeUnreachable,
  )
  assert.equal((await client.gallery('g')).name, 'g')
  assert.equal(requests.length, 3)
  const names: string[] = []
  await assert.rejects(async () => {
    for await (const { name } of client.jobErrors('j')) {
      names.push(name)
      breakOff()
    }
  }, AlikeUnreachable)
  assert.deepEqual(names, ['g'])
})

test('a refusal that breaks off is no answer: it does not say whether the request was executed', async (t) => {
  const { url, requests } = await answering(t, (_request, response) => {
    response.writeHead(503, { 'content-type': 'application/problem+json' })
    response.write('{"code": "store_', () => setTimeout(() => response.destroy(), 20))
  })
  const client = new AlikeClient({ url, retry: { attempts: 3, firstPauseMs: 1 } })
  await assert.rejects(
    client.api.POST('/v1/galleries/{gallery}/evaluate', { params: { path: { gallery: 'g' } } }),
    AlikeUnreachable,
  )
  assert.equal(requests.length, 1)
  await assert.rejects(client.gallery('g'), AlikeUnreachable)
  assert.equal(requests.length, 4)
})

test('an explanation is asked for again like a search', async (t) => {
  const { url, requests } = await answering(t, (_request, response, count) => {
    if (count === 1) response.destroy()
    else response.writeHead(200, { 'content-type': 'application/json' }).end('{"hits":[]}')
  })
  const client = new AlikeClient({ url, retry: { firstPauseMs: 1 } })
  const body = { imageId: 'a', hit: 'b' }
  await client.api.POST('/v1/galleries/{gallery}/explain', { params: { path: { gallery: 'g' } }, body })
  assert.equal(requests.length, 2)
})

test('an address that cannot be one of the service is refused before anything is sent', (t) => {
  for (const url of ['localhost:8080', '127.0.0.1:8080', '//alike', '/alike', '', 'ftp://alike', 'http:///alike'])
    assert.throws(() => new AlikeClient({ url }), {
      name: 'TypeError',
      message: /must begin with http:\/\/ or https:\/\//,
    })
  // as copied from the console
  for (const url of ['http://alike/#/galleries/g', 'http://alike?key=a'])
    assert.throws(() => new AlikeClient({ url }), { name: 'TypeError', message: /end with its path/ })
  for (const url of ['http://alike', 'HTTPS://[::1]:8080/', 'http://alike/at/path']) new AlikeClient({ url })

  Object.defineProperty(globalThis, 'location', { value: new URL('http://alike/page'), configurable: true })
  t.after(() => Reflect.deleteProperty(globalThis, 'location'))
  for (const url of ['', '/', '/at/path']) new AlikeClient({ url }) // of the page's own server
  assert.throws(() => new AlikeClient({ url: 'localhost:8080' }), TypeError)
})

test('an id never leads to another resource', async (t) => {
  const { url, requests } = await answering(t, (_request, response) => void response.writeHead(204).end())
  const client = new AlikeClient({ url })
  const remove = (gallery: string, id: string) =>
    client.api.DELETE('/v1/galleries/{gallery}/images/{id}', { params: { path: { gallery, id } } })
  for (const id of ['.', '..']) {
    await assert.rejects(remove('g', id), RangeError)
    await assert.rejects(remove(id, 'a'), RangeError)
    await assert.rejects(client.putImage('g', id, new Uint8Array(1)), RangeError)
    await assert.rejects(client.ingest(id, { open: () => '', contentType: 'application/x-ndjson' }), RangeError)
  }
  assert.equal(requests.length, 0)
  await remove('g', '../a b')
  assert.equal(requests[0]!.url, '/v1/galleries/g/images/..%2Fa%20b')
})
