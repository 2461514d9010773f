import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { patientFetch } from '../../src/cli/patient-fetch.js'

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
