/** The client where streams cannot be iterated over, as in Safari. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AlikeClient } from '../../clients/typescript/src/alike-client.js'
import { answering } from '../support/scripted-server.js'

// as Safari has it; each file of tests has a process of its own
for (const name of [Symbol.asyncIterator, 'values']) Reflect.deleteProperty(ReadableStream.prototype, name)

test('events and reports of jobs are read all the same', async (t) => {
  const job = { id: 'j', state: 'succeeded', finishedAt: '2026-01-01T00:00:00Z' }
  const { url } = await answering(t, (request, response) => {
    if (request.url!.endsWith('/events')) {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.end(`event: progress\ndata: {"id":"j"}\n\nevent: end\ndata: ${JSON.stringify(job)}\n\n`)
    } else {
      response.writeHead(200, { 'content-type': 'application/x-ndjson' })
      response.end('{"name":"a"}\n{"name":"b"}\n')
    }
  })
  const client = new AlikeClient({ url, retry: { attempts: 1 } })
  assert.deepEqual(await client.waitForJob('j'), job)
  const names: string[] = []
  for await (const { name } of client.jobErrors('j')) names.push(name)
  assert.deepEqual(names, ['a', 'b'])
})
