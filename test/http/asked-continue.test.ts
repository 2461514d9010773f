/** Clients that ask before they send (`Expect: 100-continue`). */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { test } from 'node:test'
import { startApp } from '../support/app.js'
import { tarOf } from '../support/archives.js'
import { drawImage } from '../support/drawn-images.js'
import { formBody, formHeaders } from '../support/forms.js'

const gallery = '/v1/galleries/a'
const large = 10 ** 12

test('a body that is refused for its headers is not asked for', async (t) => {
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url: gallery })
  const port = new URL(await app.listen()).port
  for (const [what, method, path, type, status] of [
    ['a large picture', 'POST', `${gallery}/search`, 'image/jpeg', 413],
    ['large JSON with a picture', 'PUT', `${gallery}/images/a`, 'application/json', 413],
    ['large JSON', 'PATCH', `${gallery}/images/a`, 'application/json', 413],
    ['a large archive', 'POST', `${gallery}/ingest`, 'application/x-tar', 413],
    ['a body of an unknown type', 'POST', `${gallery}/search`, 'text/html', 415],
    ['a body that no route takes', 'PUT', '/v1/nothing', 'image/jpeg', 404],
  ] as const)
    await t.test(what, async () => {
      const headers = { 'content-type': type, 'content-length': large, expect: '100-continue' }
      const request = httpRequest({ port, method, path, headers })
      request.on('continue', () => assert.fail('asked for'))
      request.flushHeaders()
      const [answer] = (await once(request, 'response')) as [IncomingMessage]
      assert.equal(answer.statusCode, status)
      request.destroy()
    })
})

test('a body that is welcome is asked for, however it is read', async (t) => {
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url: gallery })
  const port = new URL(await app.listen()).port
  const picture = await drawImage('circle', 1)
  const form = formBody([{ name: 'image', filename: 'a.jpg', type: 'image/jpeg', content: picture }])
  const formType = formHeaders['content-type']
  const bodies: [string, string, string, Buffer, number][] = [
    ['POST', `${gallery}/search`, 'image/jpeg', picture, 200],
    ['POST', `${gallery}/search`, formType, form, 200],
    ['PATCH', gallery, 'application/json', Buffer.from('{"keepQueries":3}'), 200],
    ['POST', `${gallery}/ingest`, 'application/x-tar', await tarOf([{ path: 'a.jpg', content: picture }]), 202],
    ['POST', `${gallery}/ingest`, formType, form, 202],
  ]
  for (const [method, path, type, body, status] of bodies) {
    const headers = { 'content-type': type, 'content-length': body.length, expect: '100-continue' }
    const request = httpRequest({ port, method, path, headers })
    let asked = 0
    request.on('continue', () => {
      asked++
      request.end(body)
    })
    request.flushHeaders()
    const [answer] = (await once(request, 'response')) as [IncomingMessage]
    answer.resume()
    assert.deepEqual([answer.statusCode, asked], [status, 1], `${method} ${path} ${type}`)
  }
})
