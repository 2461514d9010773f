import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WebhookRequests } from '../../src/remote/webhook-requests.js'
import { answering } from '../support/scripted-server.js'

test('the status of a receiver counts, however long or broken its answer is', async (t) => {
  const { url } = await answering(t, ({ url: path }, response) => {
    response.writeHead(path === '/refused' ? 500 : 200)
    if (path === '/broken') response.write('x', () => response.destroy())
    else response.write('x'.repeat(path === '/long' ? 200_000 : 1)) // and it goes on
  })
  const sender = new WebhookRequests({ webhookAllowedHosts: '127.0.0.0/8', webhookTimeoutMs: 1_500 })
  t.after(() => sender.close())
  const post = (path: string) => sender.post(`${url}${path}`, { headers: {}, body: '{}' }, new AbortController().signal)
  assert.deepEqual(
    [await post('/endless'), await post('/long'), await post('/broken'), await post('/refused')],
    [200, 200, 200, 500],
  )
})

test('a webhook reaches listed hosts only, and of them no internal address', async (t) => {
  const { url, requests } = await answering(t, (_request, response) => response.end())
  const { port } = new URL(url)
  const sender = new WebhookRequests({ webhookAllowedHosts: `localhost:${port}`, webhookTimeoutMs: 20_000 })
  t.after(() => sender.close())
  const post = (address: string) => sender.post(address, { headers: {}, body: '{}' }, new AbortController().signal)
  await assert.rejects(post(url), { code: 'url_not_allowed', detail: /not among the allowed/ })
  await assert.rejects(post(`http://localhost:${port}/`), { code: 'url_not_allowed', detail: /not public/ })
  assert.throws(() => sender.expectAllowed(url), { code: 'url_not_allowed' })
  sender.expectAllowed(`http://localhost:${port}/`)
  assert.deepEqual(requests, [])
})

test('closing ends requests in progress, and nothing is sent after it', { timeout: 60_000 }, async (t) => {
  let tellArrival: () => void
  const arrival = new Promise<void>((resolve) => (tellArrival = resolve))
  const { url, requests } = await answering(t, () => tellArrival())
  const sender = new WebhookRequests({ webhookAllowedHosts: '127.0.0.0/8', webhookTimeoutMs: 600_000 })
  const post = (by: WebhookRequests) => by.post(url, { headers: {}, body: '{}' }, new AbortController().signal)
  const ended = assert.rejects(post(sender), { code: 'url_unreachable' })
  await arrival
  await sender.close()
  await ended
  const unused = new WebhookRequests({ webhookAllowedHosts: '127.0.0.0/8', webhookTimeoutMs: 600_000 })
  await unused.close()
  await assert.rejects(post(unused), { code: 'url_unreachable' })
  assert.equal(requests.length, 1)
})
