import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { streamedBody } from '../../src/http/streamed-body.js'

test('the reader of a body learns that its client has left, even if that was before the body was asked for', async (t) => {
  for (const isGone of [false, true]) {
    const server = createServer().listen(0, '127.0.0.1')
    t.after(() => server.close())
    await once(server, 'listening')
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    socket.write('POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 9\r\n\r\nabc')
    const [request] = (await once(server, 'request')) as [IncomingMessage]
    if (isGone) {
      socket.destroy()
      await new Promise((resolve) => request.once('close', resolve)) // as while a token is checked
    }
    const body = text(streamedBody(request))
    socket.destroy()
    await assert.rejects(body, { code: 'ECONNRESET' })
  }
})
