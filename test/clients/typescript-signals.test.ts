/** The signal of a call ends it whenever it is aborted, also once Node.js has collected garbage. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { AlikeClient } from '../../clients/typescript/src/alike-client.js'
import { answering } from '../support/scripted-server.js'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** A call that does not end by itself, of which the garbage is collected before its signal is aborted. */
async function expectAborted(what: string, call: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
  const leaving = new AbortController()
  const ended = assert.rejects(call(leaving.signal), { name: 'AbortError' }, what)
  for (let round = 0; round < 5; round++) {
    await sleep(50)
    collectGarbage()
  }
  leaving.abort()
  await ended
}

async function readAll(items: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of items);
}

test('a call that waits for its answer', { timeout: 60_000 }, async (t) => {
  const { url } = await answering(t, () => {})
  const client = new AlikeClient({ url })
  await expectAborted('a method', (signal) => client.gallery('g', { signal }))
  await expectAborted('a search', (signal) => client.search('g', new Uint8Array(1), { signal }))
  const params = { path: { gallery: 'g' } }
  await expectAborted('any call', (signal) =>
    client.api.POST('/v1/galleries/{gallery}/search', { params, body: { id: 'a' }, signal }),
  )
  const open = () => new Uint8Array(1)
  await expectAborted('an upload', (signal) => client.ingest('g', { open, contentType: 'application/x-tar', signal }))
})

test('an answer that is being read', { timeout: 60_000 }, async (t) => {
  const { url } = await answering(t, (request, response) => {
    const type = request.url!.endsWith('/events') ? 'text/event-stream' : 'application/x-ndjson'
    response.writeHead(200, { 'content-type': request.url!.includes('/images') ? 'application/json' : type })
    response.write(' ')
  })
  const client = new AlikeClient({ url })
  await expectAborted('events', (signal) => readAll(client.events('j', { signal })))
  await expectAborted('errors', (signal) => readAll(client.jobErrors('j', { signal })))
  await expectAborted('a list', (signal) => readAll(client.images('g', { signal })))
  await expectAborted('a stream', async (signal) => {
    const params = { path: { snapshot: 's' } }
    const call = client.api.GET('/v1/snapshots/{snapshot}/archive', { params, parseAs: 'stream', signal })
    const reader = (await call).data!.getReader()
    while (!(await reader.read()).done);
  })
})
