import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Answer, startApp, type TestApp } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'
import { formBody, formHeaders } from '../support/forms.js'
import { type RawConnection, rawConnection } from '../support/raw-connection.js'
import { until } from '../support/until.js'

const search = '/v1/galleries/g/search'
const jpeg = { 'content-type': 'image/jpeg' }

async function appWith(
  t: Parameters<typeof startApp>[0],
  bodyMemoryMaxBytes: number,
): Promise<TestApp & { port: number }> {
  const app = await startApp(t, { bodyMemoryMaxBytes, uploadMaxBytes: 2 ** 20 })
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  return { ...app, port: Number(new URL(await app.listen()).port) }
}

/** A request that has announced its size and sent nothing. */
async function announced(
  port: number,
  headers: Record<string, string | number>,
  path = search,
): Promise<ClientRequest> {
  const request = httpRequest({ port, method: 'POST', path, headers })
  request.on('error', () => {})
  request.flushHeaders()
  await once(request, 'socket')
  return request
}

async function held({ app }: TestApp): Promise<number> {
  return Number(/^alike_body_memory_bytes (\d+)$/m.exec((await app.inject('/metrics')).body)?.[1])
}

async function heldUntil(app: TestApp, bytes: number): Promise<void> {
  await until(async () => (await held(app)) === bytes, `holding ${bytes} bytes`)
}

test('bodies reserve their announced size from one budget, and the next is refused before it is read', async (t) => {
  const app = await appWith(t, 2 ** 20)
  const image = await drawImage('circle', 1)
  const large = await announced(app.port, { ...jpeg, 'content-length': 500_000 })
  await heldUntil(app, 1_000_000)
  const refused = await announced(app.port, { ...jpeg, 'content-length': 100_000 })
  const [answer] = (await once(refused, 'response')) as [IncomingMessage]
  assert.deepEqual([answer.statusCode, answer.headers['retry-after']], [429, '1'])
  answer.resume()
  await app.call(200, { method: 'POST', url: search, headers: jpeg, payload: image })

  large.destroy()
  await heldUntil(app, 0)
  await app.call(200, {
    method: 'POST',
    url: search,
    headers: jpeg,
    payload: Buffer.concat([image, Buffer.alloc(400_000)]),
  })
  await heldUntil(app, 0)
})

test('JSON counts four times, a body without a length as the maximum of its kind, and a lone request is always admitted', async (t) => {
  const app = await appWith(t, 2 ** 20)
  const rows: [headers: Record<string, string | number>, path: string, bytes: number][] = [
    [{ 'content-type': 'application/json', 'content-length': 100_000 }, search, 400_000],
    [{ ...jpeg, 'transfer-encoding': 'chunked' }, search, 2 * (2 ** 20 + 128 * 1024)],
    [{ 'content-type': 'application/json', 'content-length': 1_000 }, '/v1/galleries/g/duplicates', 4_000],
  ]
  for (const [headers, path, bytes] of rows) {
    const request = await announced(app.port, headers, path)
    await heldUntil(app, bytes)
    request.destroy()
    await heldUntil(app, 0)
  }
})

test('a form of pictures for a job reserves what it holds in memory, and is refused when there is no room', async (t) => {
  const app = await appWith(t, 2 ** 20)
  const large = await announced(app.port, { ...jpeg, 'content-length': 520_000 })
  await heldUntil(app, 1_040_000)
  const payload = formBody([{ name: 'image', filename: 'a.png', content: Buffer.alloc(100_000) }])
  const refusal = await app.call<Answer>(429, {
    method: 'POST',
    url: '/v1/galleries/g/ingest',
    headers: formHeaders,
    payload,
  })
  assert.equal(refusal.code, 'overloaded')
  large.destroy()
  await heldUntil(app, 0)
  await app.call(202, { method: 'POST', url: '/v1/galleries/g/ingest', headers: formHeaders, payload })
  await heldUntil(app, 0)
})

test('several pictures of a form are bounded together', async (t) => {
  const app = await appWith(t, 16 * 2 ** 20)
  const payload = formBody([1, 2].map((n) => ({ name: 'image', filename: `${n}.png`, content: Buffer.alloc(700_000) })))
  const refusal = await app.call<Answer>(413, { method: 'POST', url: search, headers: formHeaders, payload })
  assert.deepEqual([refusal.code, /Together/.test(refusal.detail ?? '')], ['image_too_large', true])
})

/** Sends part of a body, and then disconnects or stays silent. */
function sendPart(connection: RawConnection, body: Buffer, share: number): RawConnection {
  connection.write(
    `POST /v1/galleries/g/ingest HTTP/1.1\r\nhost: test\r\ncontent-type: ${formHeaders['content-type']}\r\ncontent-length: ${body.length}\r\n\r\n`,
  )
  connection.write(body.subarray(0, Math.floor(body.length * share)))
  return connection
}

for (const ending of ['leaves', 'stalls'] as const) {
  test(`a form of pictures whose caller ${ending} midway frees its memory, at any point`, async (t) => {
    const pace = { uploadLagMaxMs: ending === 'stalls' ? 300 : 60_000, uploadMinBytesPerSecond: 2 ** 30 }
    const app = await startApp(t, { uploadMaxBytes: 2 ** 20, ...pace })
    await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
    const address = await app.listen()
    for (const bytes of [1_000, 300_000]) {
      const body = formBody(
        Array.from({ length: 4 }, (_, i) => ({
          name: 'image',
          filename: `${i}.png`,
          content: Buffer.alloc(bytes, i + 1),
        })),
      )
      const callers = [0.1, 0.3, 0.49, 0.52, 0.77, 0.999].map((share) =>
        sendPart(rawConnection(t, address), body, share),
      )
      if (ending === 'stalls') await Promise.all(callers.map(({ closed }) => closed))
      else {
        await until(async () => /^alike_uploads_in_flight 6$/m.test((await app.app.inject('/metrics')).body))
        callers.forEach(({ socket }) => socket.destroy())
      }
      await heldUntil(app, 0)
      await until(async () => (await readdir(join(app.config.dataDir, 'spool'))).length === 0)
    }
  })
}
