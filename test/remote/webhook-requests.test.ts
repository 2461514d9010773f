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
