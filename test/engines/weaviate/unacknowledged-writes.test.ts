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
  /** Ids whose objects cannot be changed. */
  const [gone, unreachable]: [string[], string[]] = [[], []]
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
      async merge(uuid: string, properties: object) {
        const one = stored.get(uuid)!
        const { imageId } = one.properties
        if (gone.includes(imageId)) throw new AlikeError('image_not_found')
        if (unreachable.includes(imageId)) throw new AlikeError('engine_unreachable')
        stored.set(uuid, { ...one, properties: { ...one.properties, ...properties } })
      },
      async enterAgain(uuid: string) {
        entered.push(stored.get(uuid)!.properties.imageId)
        found.add(uuid)
      },
    },
    near: async () => [...found].map((uuid) => ({ uuid, properties: {}, vector: [], distance: 0.1 })),
  } as unknown as ImageCollection
  const clock = new ChangeClock(() => new Date())
  const changes = new SetChanges({ collection, clock, setImagesMax: 10, waitingMax: 10 })
  return { written, entered, gone, unreachable, changes }
}

const putOf = (id: string) => ({ put: newImage(id, new Float32Array(4)) })
const patchOf = (id: string) => ({ patch: id, change: { label: 'patched' } })

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

test('a picture is not inserted when another one was refused under its id', async () => {
  const server = newServer()
  const died = changesOf(() => {
    throw new AlikeError('engine_unreachable')
  }, server)
  await assert.rejects(died.changes.change([putOf('a')]), { code: 'engine_unreachable' })
  const { changes, entered } = changesOf(() => [], server)
  const { results } = await changes.change([{ ...putOf('a'), onlyIf: { noneMatch: 'any' } }])
  assert.deepEqual([results, entered], [[{ refused: 'precondition_failed' }], []])
})

test('a patch does not tell that a picture was added', async () => {
  let isAway = true
  const { changes, written } = changesOf((objects) => {
    if (isAway) throw new AlikeError('engine_unreachable')
    return objects.map(() => undefined)
  })
  await assert.rejects(changes.change([putOf('a')]), { code: 'engine_unreachable' })
  isAway = false
  assert.deepEqual((await changes.change([patchOf('a')])).results, [{ patched: true }])
  const step = { put: { ...putOf('a').put, label: 'patched' }, unlessSame: true }
  assert.deepEqual((await changes.change([step])).results, [{ created: true }])
  assert.deepEqual(written, ['a', 'a'])
})

test('a picture that no search finds is inserted when its write is repeated, also if it is then patched', async () => {
  const server = newServer()
  const died = changesOf(() => {
    throw new AlikeError('engine_unreachable')
  }, server)
  await assert.rejects(died.changes.change([putOf('a')]), { code: 'engine_unreachable' })
  const { changes, written, entered } = changesOf(() => [], server)
  const { results } = await changes.change([{ ...putOf('a'), unlessSame: true }, patchOf('a')])
  assert.deepEqual(results, [{ unchanged: true }, { patched: true }])
  assert.deepEqual([written, entered], [[], ['a']])
})

test('a patch of a picture that another process has just removed is refused; the other steps are not affected', async () => {
  const { changes, gone, unreachable } = changesOf((objects) => objects.map(() => undefined))
  await changes.change([putOf('a'), putOf('b')])
  gone.push('a')
  const { results } = await changes.change([patchOf('a'), patchOf('b'), putOf('c'), patchOf('c')])
  assert.deepEqual(results, [{ refused: 'image_not_found' }, { patched: true }, { created: true }, { patched: true }])
  await assert.rejects(changes.patch('a', { label: 'x' }), { code: 'image_not_found' })
  unreachable.push('b')
  const [others, own] = await Promise.allSettled([changes.change([patchOf('c')]), changes.change([patchOf('b')])])
  assert.equal(others.status, 'fulfilled')
  assert.equal(own.status === 'rejected' && (own.reason as AlikeError).code, 'engine_unreachable')
})
