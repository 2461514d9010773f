import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { guardedConnector } from '../../src/remote/guarded-connector.js'

test('the address that was connected to has the last word, and a connection to a refused one is closed', {
  timeout: 20_000,
}, async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const sockets: Socket[] = []
  server.on('connection', (socket) => sockets.push(socket))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as { port: number }
  const answers: boolean[] = []
  const connect = guardedConnector({ isAllowed: () => answers.shift() ?? false, timeoutMs: 20_000 })
  const connected = () =>
    new Promise<Socket>((resolve, reject) => {
      const options = { hostname: '127.0.0.1', host: `127.0.0.1:${port}`, protocol: 'http:', port: String(port) }
      connect(options, (...[error, socket]) => (error === null ? resolve(socket) : reject(error)))
    })

  answers.push(true, true)
  await connected()

  answers.push(true, false)
  const accepted = once(server, 'connection') as Promise<[Socket]>
  await assert.rejects(connected(), { code: 'url_not_allowed' })
  const [refused] = await accepted
  refused.resume()
  await once(refused, 'close')
})
