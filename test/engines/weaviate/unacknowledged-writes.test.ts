/** What a failed change has stored nevertheless, in a collection that is only a map. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BatchResult } from '../../../src/engines/weaviate/batch-outcomes.js'
import { ChangeClock } from '../../../src/engines/weaviate/change-clock.js'
import type { NewObject } from '../../../src/engines/weaviate/collection-writes.js'
import type { ImageCollection } from '../../../src/engines/weaviate/image-collection.js'
import { uuidOf } from '../../../src/engines/weaviate/image-object.js'
import { SetChanges } from '../../../src/engines/weaviate/set-changes.js'
import { AlikeError } from '../../../src/errors.js'
import { newImage } from '../../gallery/stored-images.js'

interface Server {
  stored: Map<string, NewObject>
  /** Uuids of pictures that a search finds. */
  found: Set<string>
}

const newServer = (): Server => ({ stored: new Map(), found: new Set() })

/** @param answer of each write, which has stored the objects before, except for those with an error */
function changesOf(answer: (objects: readonly NewObject[]) => BatchResult[], { stored, found }: Server = newServer()) {
  const written: string[] = []
  const entered: string[] = []
  const collection = {
    count: async () => stored.size,
    ofIds: async (uuids: readonly string[]) =>
      new Map(
        uuids.flatMap((uuid) => {
          const one = stored.get(uuid)
          return one === undefined ? [] : [[uuid, { ...one, vector: [...one.vector] }]]
        }),
      ),
    writes: {
      put: async (objects: readonly NewObject[]) => {
        written.push(...objects.map(({ properties }) => properties.imageId))
        for (const object of objects) stored.set(object.uuid, object)
        const results = answer(objects)
        objects.forEach(({ uuid }, i) => results[i] && stored.delete(uuid))
        for (const { uuid } of objects) found.add(uuid)
        return results
      },
      async enterAgain(uuid: string) {
        entered.push(stored.get(uuid)!.properties.imageId)
        found.add(uuid)
      },
    },
    near: async () => [...found].map((uuid) => ({ uuid, properties: {}, vector: [], distance: 0.1 })),
  } as unknown as ImageCollection
  const clock = new ChangeClock(() => new Date())
  return { written, entered, changes: new SetChanges({ collection, clock, imagesMax: 10, waitingMax: 10 }) }
}

const putOf = (id: string) => ({ put: newImage(id, new Float32Array(4)) })

test('a picture whose write was not acknowledged is written again, although the same is stored', async () => {
  let isAway = false
  const { changes, written } = changesOf((objects) => {
    if (isAway) throw new AlikeError('engine_unreachable')
    return objects.map(() => undefined)
  })
  const replaced = { put: { ...putOf('a').put, contentHash: 'another' } }
  for (const [step, created] of [
    [putOf('a'), true],
    [replaced, false],
  ] as const) {
    isAway = true
    await assert.rejects(changes.change([step]), { code: 'engine_unreachable' })
    isAway = false
    const again = { ...step, unlessSame: true }
    assert.deepEqual((await changes.change([again])).results, [{ created }])
    assert.deepEqual((await changes.change([again])).results, [{ unchanged: true }])
  }
  assert.deepEqual(written, ['a', 'a', 'a', 'a'])
})

test('pictures stored by a change that failed because of another one were not there before either', async () => {
  let isFull = true
  const { changes } = changesOf((objects) =>
    objects.map(({ properties }) =>
      isFull && properties.imageId === 'b' ? new AlikeError('storage_full') : undefined,
    ),
  )
  const steps = [putOf('a'), putOf('b')]
  await assert.rejects(changes.change(steps), { code: 'storage_full' })
  isFull = false
  assert.deepEqual((await changes.change(steps)).results, [{ created: true }, { created: true }])
  assert.deepEqual((await changes.change(steps)).results, [{ created: false }, { created: false }])
})

test('a picture that another process has stored, and that no search finds, is inserted when its write is repeated', async (t) => {
  const server = newServer()
  const died = changesOf(() => {
    throw new AlikeError('engine_unreachable')
  }, server)
  const steps = ['a', 'b'].map((id) => ({ ...putOf(id), unlessSame: true }))
  await assert.rejects(died.changes.change(steps), { code: 'engine_unreachable' })
  server.found.add(uuidOf('b'))
  const { changes, written, entered } = changesOf(() => [], server)
  for (let turn = 0; turn < 2; turn++)
    assert.deepEqual((await changes.change(steps)).results, [{ unchanged: true }, { unchanged: true }])
  assert.deepEqual([written, entered], [[], ['a']])

  server.found.clear()
  t.mock.method(Date, 'now', () => 4_000_000_000_000)
  await changes.change(steps)
  assert.deepEqual(entered, ['a'], 'what was stored long ago is not looked for')
})
