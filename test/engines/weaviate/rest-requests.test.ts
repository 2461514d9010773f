/** Requests to the REST interface: how responses are interpreted, and that abandoned requests never arrive. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { RestRequests } from '../../../src/engines/weaviate/rest-requests.js'

const timeoutMs = 20_000

test('a response is read, an empty one is undefined, a refusal has its status', async (t) => {
  const server = createServer((request, answer) => {
    const { authorization = '' } = request.headers
    if (request.url === '/v/echo') return void request.pipe(answer.setHeader('x', authorization))
    answer.writeHead(request.url === '/v/empty' ? 204 : 404).end(request.url === '/v/empty' ? undefined : authorization)
  }).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const rest = new RestRequests(new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v`), 'key')
  t.after(() => rest.close())
  assert.deepEqual(await rest.ask('echo', { method: 'POST', body: { ä: 1 }, timeoutMs }), { ä: 1 })
  assert.equal(await rest.ask('empty', { timeoutMs }), undefined)
  await assert.rejects(rest.ask('none', { timeoutMs }), { status: 404, message: 'status 404: Bearer key' })
})

/** Accepts connections and lets the test decide when to read from them, simulating a broken network. */
async function deafServer(t: { after(end: () => void): void }) {
  const server = createTcpServer({ pauseOnConnect: true }).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  return { server, url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`) }
}

for (const [how, giveUp] of [
  ['after its time', undefined],
  ['with its connection', (rest: RestRequests) => rest.close()],
] as const)
  test(`a request abandoned ${how} is cancelled: its connection is reset`, async (t) => {
    const { server, url } = await deafServer(t)
    const rest = new RestRequests(url, '')
    const connected = once(server, 'connection')
    const asked = rest.ask('v1/objects', {
      method: 'POST',
      body: { text: 'x'.repeat(4_000_000) },
      timeoutMs: giveUp === undefined ? 300 : timeoutMs,
    })
    asked.catch(() => {})
    const [socket] = (await connected) as [Socket]
    t.after(() => socket.destroy())
    t.after(() => rest.close())
    // its arrival has begun
    socket.resume()
    await once(socket, 'data')
    socket.pause()
    giveUp?.(rest)
    await assert.rejects(asked, /no answer within 300 ms|given up/)
    const reset = once(socket, 'error') as Promise<[NodeJS.ErrnoException]>
    socket.resume()
    assert.equal((await reset)[0].code, 'ECONNRESET')
  })
