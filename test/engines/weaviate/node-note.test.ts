import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NodeNote } from '../../../src/engines/weaviate/node-note.js'
import type { WeaviateServer } from '../../../src/engines/weaviate/weaviate-server.js'
import { AlikeError } from '../../../src/errors.js'

test('the note is kept again after the server has lost its collection', async () => {
  let [isThere, note] = [false, undefined as string | undefined]
  const expectThere = () => {
    if (!isThere) throw new AlikeError('gallery_not_found')
  }
  const collections = {
    exists: async () => isThere,
    async create() {
      isThere = true
    },
  }
  const server = {
    call: (ask: (client: object) => Promise<unknown>) => ask({ collections }),
    async read() {
      expectThere()
      return note === undefined ? [] : [{ properties: { note } }]
    },
    async write(objects: () => { properties: { note: string } }[]) {
      expectThere()
      note = objects()[0]!.properties.note
      return [undefined]
    },
  } as unknown as WeaviateServer

  const [one, other] = [new NodeNote(server, 1), new NodeNote(server, 1)]
  const noted = { holder: 'one', until: 1, soundUntil: {} }
  await one.write(noted)
  assert.deepEqual(await other.read(), noted)
  isThere = false
  note = undefined
  await assert.rejects(other.read(), { code: 'gallery_not_found' })
  assert.equal(await other.read(), undefined)
  await one.write(noted)
  assert.deepEqual(await other.read(), noted)
  isThere = false
  await assert.rejects(one.write(noted), { code: 'gallery_not_found' })
  await one.write(noted)
})
