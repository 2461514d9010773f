/** What a request holds is released however early its caller leaves. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import Fastify, { type FastifyReply } from 'fastify'
import { AnswerBytes } from '../../src/http/answer-bytes.js'
import { BodyMemory } from '../../src/http/body-memory.js'
import { clientGone, whenGone } from '../../src/http/client-gone.js'
import { startApp } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'
import { rawConnection } from '../support/raw-connection.js'
import { until } from '../support/until.js'

test('a request on a closed connection is aborted at once, and holds no resources', async (t) => {
  const app = Fastify()
  t.after(() => app.close())
  const answers = new AnswerBytes({ answerMaxBytes: 1_000, answersMaxBytes: 1_000 })
  const memory = new BodyMemory({ bodyMemoryMaxBytes: 1_000 })
  const seen = new Promise<{ reply: FastifyReply }>((resolve) => {
    app.get('/', async (_request, reply) => {
      await once(reply.raw, 'close')
      resolve({ reply }) // it is a promise itself
      return reply.hijack()
    })
  })
  const { socket } = rawConnection(t, await app.listen({ host: '127.0.0.1', port: 0 }))
  socket.write('GET / HTTP/1.1\r\nhost: test\r\n\r\n', () => socket.destroy())
  const { reply } = await seen
  answers.of(reply).take(900)
  const held = memory.hold()
  whenGone(reply, held.end)
  held.take(900)
  assert.deepEqual([answers.held, memory.bytesInUse, clientGone(reply).aborted], [0, 0, true])
})

test('callers who leave during any request leave nothing behind', async (t) => {
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  const picture = await drawImage('circle', 1)
  const metadata = { words: 'x'.repeat(15_000) }
  for (let i = 0; i < 30; i++)
    await app.call(201, {
      method: 'PUT',
      url: `/v1/galleries/g/images/p${i}`,
      payload: { image: picture.toString('base64'), metadata },
    })
  const address = await app.listen()
  const query = { imageId: 'p0', k: 30, include: ['metadata'] }
  const ask = (method: string, path: string, body?: object) => {
    const text = body === undefined ? '' : JSON.stringify(body)
    return `${method} /v1/galleries${path} HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\ncontent-length: ${text.length}\r\n\r\n${text}`
  }
  const requests = [
    ask('GET', '/g/images?limit=30'),
    ask('GET', ''),
    ask('POST', '/g/search', query),
    ask('POST', '/g/search', { image: picture.toString('base64'), k: 30, include: ['metadata'] }),
    ask('POST', '/g/search/batch', { queries: Array.from({ length: 20 }, () => query) }),
    ask('POST', '/g/search', query) + ask('GET', '/g/images?limit=30'),
  ]
  for (const request of requests) {
    for (let turns = 0; turns < 12; turns++) {
      const { socket } = rawConnection(t, address)
      await once(socket, 'connect')
      socket.write(request)
      for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve))
      socket.destroy()
    }
  }
  const left = async () =>
    (await app.call<string>(200, { url: '/metrics' })).match(
      /^alike_(answer_bytes|requests_in_flight|body_memory_bytes) [1-9]\d*$/gm,
    ) ?? []
  await until(async () => (await left()).length === 0, 'everything given back')
})

test('a request may pass more plugins that wait for its end than Node.js expects', async (t) => {
  const warnings: Error[] = []
  const warn = (warning: Error) => warnings.push(warning)
  process.on('warning', warn)
  t.after(() => process.off('warning', warn))
  const app = Fastify()
  t.after(() => app.close())
  let calls = 0
  app.get('/', async (_request, reply) => {
    for (let i = 0; i < 20; i++) whenGone(reply, () => calls++)
    return 'done'
  })
  await fetch(await app.listen({ port: 0 }))
  await until(() => calls === 20, 'every one to be called')
  assert.deepEqual(warnings, [])
})
