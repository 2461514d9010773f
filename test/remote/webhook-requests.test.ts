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

test('nothing is sent once webhooks are closed', async (t) => {
  const { url, requests } = await answering(t, (_request, response) => response.end())
  const sender = new WebhookRequests({ webhookAllowedHosts: '127.0.0.0/8', webhookTimeoutMs: 20_000 })
  t.after(() => sender.close())
  const post = () => sender.post(url, { headers: {}, body: '{}' }, new AbortController().signal)
  const sent = [post(), post()]
  await sender.close()
  for (const one of [...sent, post()]) await assert.rejects(one, { code: 'url_unreachable' })
  assert.deepEqual(requests, [])
})
