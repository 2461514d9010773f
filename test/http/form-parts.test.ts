import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import multipart from '@fastify/multipart'
import fastify from 'fastify'
import { isPartAFile, parserBytes, partsInTurn } from '../../src/http/form-parts.js'
import { formBody, formHeaders } from '../support/forms.js'

test('small parts arrive no faster than they are read', async (t) => {
  const app = fastify({ bodyLimit: 2 ** 30 })
  await app.register(multipart, {
    isPartAFile,
    highWaterMark: parserBytes,
    limits: { files: Infinity, parts: Infinity },
  })
  let read = 0
  let waiting = 0
  app.post('/', async (request) => {
    const parts = request.parts()
    const first = await parts.next()
    assert.ok(first.done !== true)
    const inTurn = partsInTurn(request.raw, first.value, parts)
    await turns(50) // a database that is slow to say whether the job may be received
    waiting = Object.values(first.value.fields).flat().length
    for await (const part of inTurn) {
      assert.ok(part.type === 'file')
      part.file.resume()
      read++
      // a disk that stalls, when the parser has nothing to hand out any more, and while it has
      await turns(Object.keys(part.fields).length === 0 ? 50 : 1)
      waiting = Math.max(waiting, Object.values(part.fields).flat().length)
    }
    return {}
  })
  t.after(() => app.close())
  const count = 10_000
  const content = Buffer.from('small')
  const files = Array.from({ length: count }, (_, n) => ({ name: 'image', filename: `${n}.jpg`, content }))
  const address = await app.listen({ host: '127.0.0.1', port: 0 })
  const body = new Uint8Array(formBody(files))
  const response = await fetch(address, { method: 'POST', headers: formHeaders, body })
  assert.deepEqual([response.status, read], [200, count])
  assert.ok(waiting < count / 2, `${waiting} parts were waiting`)
})

async function turns(count: number): Promise<void> {
  for (let n = 0; n < count; n++) await turn()
}
