import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { dataOf } from '../../clients/typescript/src/alike-client.js'
import { patience, patientFetch, serviceClient } from '../../src/cli/service-client.js'
import { temporaryFolder } from '../support/app.js'
import { freePorts } from '../support/free-ports.js'
import { answering, refuse } from '../support/scripted-server.js'

test('an answer is waited for as long as stated', async (t) => {
  const waiting = new Map<string, ServerResponse>()
  const server = createServer(({ url }, answer) => void waiting.set(url!, answer)).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const asked = (path: string) =>
    new Request(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, { method: 'POST', body: 'x' })
  const patient = patientFetch()(asked('/patient'))
  await assert.rejects(patientFetch(1)(asked('/hasty')), (error: Error) => {
    assert.equal((error.cause as { code?: string }).code, 'UND_ERR_HEADERS_TIMEOUT')
    return true
  })
  waiting.get('/patient')!.end('at last')
  assert.equal(await (await patient).text(), 'at last')
})

test('a key is sent as it stands in its file, without the end of the line', async (t) => {
  const sent: (string | undefined)[] = []
  const server = createServer(({ url, headers }, answer) => {
    if (url === '/v1/models') sent.push(headers.authorization)
    answer.setHeader('content-type', 'application/json').end('{"models":[]}')
  }).listen(0, '127.0.0.1')
  t.after(() => server.close().closeAllConnections())
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const keyFile = join(await temporaryFolder(t), 'key')
  await writeFile(keyFile, 'from-a-file\n')
  for (const place of [{ url }, { url, key: 'given' }, { url, keyFile }])
    await dataOf((await serviceClient(place)).api.GET('/v1/models'))
  assert.deepEqual(sent, [undefined, 'Bearer given', 'Bearer from-a-file'])
})

test('an address at which something else answers is told, without its page', async (t) => {
  const { url } = await answering(t, (_request, response) =>
    response.writeHead(404, { 'content-type': 'text/html' }).end('<!doctype html><title>Not found</title>'),
  )
  const told: string[] = []
  t.mock.method(console, 'error', (line: string) => told.push(line))
  const service = await serviceClient({ url })
  assert.deepEqual(told, [`${url}/livez is not answered as Alike does (404): is the address right?`])
  await assert.rejects(service.gallery('g'), { code: 'unknown', message: 'The service answered with status 404.' })
})

test('a service that speaks no TLS is told in one line', async (t) => {
  const { url } = await answering(t, (_request, response) => response.end())
  await assert.rejects(serviceClient({ url: url.replace('http:', 'https:') }), ({ message }: Error) => {
    assert.match(message, /^GET https:\S+\/livez got no answer: TLS: [a-z ]+\.$/)
    return true
  })
})

test('an address with a password is refused without it being shown', async () => {
  for (const url of ['http://shop:hidden@127.0.0.1:1', 'HTTPS://hidden@[::1]/alike', 'http://shop:hidden@127.0.0.1/?a'])
    await assert.rejects(serviceClient({ url }), ({ message }: Error) => {
      assert.match(message, /must not contain a user name or password/)
      assert.doesNotMatch(message, /hidden/)
      return true
    })
})

test('a key that cannot be sent is refused without being shown', async () => {
  for (const [key, says] of [
    ['', /is empty\.$/],
    ['one\ntwo', /not a line of ASCII/],
    ['schlüssel', /not a line of ASCII/],
  ] as const)
    await assert.rejects(serviceClient({ url: 'http://127.0.0.1:1', key }), (error: Error) => {
      assert.match(error.message, says)
      assert.ok(key === '' || !error.message.includes(key))
      return true
    })
})

test('a service that was there is waited for as long as a restart takes; one that was not is not', async (t) => {
  const { url, requests } = await answering(t, ({ url: path }, response, count) => {
    if (path === '/livez') response.end('{}')
    else if (count < 6) response.destroy()
    else if (count < 10) refuse(response, 503, 'not_ready')
    else response.writeHead(200, { 'content-type': 'application/json' }).end('{"models":[]}')
  })
  const service = await serviceClient({ url }, { ...patience, firstPauseMs: 1 })
  assert.deepEqual(await dataOf(service.api.GET('/v1/models')), { models: [] })
  assert.equal(requests.length, 10)

  const [port] = await freePorts(1)
  await assert.rejects(serviceClient({ url: `http://127.0.0.1:${port}` }), {
    code: 'service_unreachable',
    message: /^GET http:\S+\/livez got no answer: .*ECONNREFUSED/,
  })
})
