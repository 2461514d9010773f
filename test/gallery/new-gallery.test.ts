/** Galleries whose storage could not be prepared. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { openEmbedded } from '../../src/engines/embedded/embedded-engine.js'
import { AlikeError } from '../../src/errors.js'
import type { Engine } from '../../src/gallery/engine.js'
import { type Galleries, openGalleries } from '../../src/gallery/galleries.js'
import { dataFolder } from '../engines/embedded/storage-folder.js'
import { until } from '../support/until.js'
import { onlyModel } from './only-model.js'
import { model } from './stored-images.js'

interface Preparation {
  end(): void
  fail(error: AlikeError): void
}

/** An engine whose preparations are controlled by the test. */
async function open(t: TestContext): Promise<{ galleries: Galleries; preparations: Preparation[]; dropped: string[] }> {
  const embedded = await openEmbedded({ dataDir: await dataFolder(t), logger: pino({ level: 'silent' }) })
  const preparations: Preparation[] = []
  const dropped: string[] = []
  const held: Engine = {
    failure: undefined,
    readOnly: undefined,
    unreachable: undefined,
    prepare: () => new Promise((end, fail) => preparations.push({ end, fail })),
    open: (set) => embedded.open(set),
    drop: async ({ uid }) => void dropped.push(uid),
    close: async () => {},
  }
  const galleries = await openGalleries({
    ...embedded,
    catalogue: embedded.catalogue,
    engines: { embedded, held },
    engineOfNew: 'held',
    progress: { committedBy: [], advance: async () => {} },
    models: onlyModel(model),
  })
  t.after(() => galleries.close())
  return { galleries, preparations, dropped }
}

const unreachable = () => new AlikeError('engine_unreachable')

test('a gallery whose storage cannot be prepared is not created', async (t) => {
  const { galleries, preparations, dropped } = await open(t)
  const creation = galleries.create('a')
  await until(() => preparations.length === 1)
  preparations[0]!.fail(unreachable())
  await assert.rejects(creation, { code: 'engine_unreachable' })
  await assert.rejects(galleries.get('a'), { code: 'gallery_not_found' })
  assert.equal(dropped.length, 1)
})

test('a gallery that another request removes while it is being created was created, and stays removed', async (t) => {
  const { galleries, preparations, dropped } = await open(t)
  for (const settle of ['end', 'fail'] as const) {
    preparations.length = 0
    const creation = galleries.create('a')
    await until(() => preparations.length === 1)
    const { setUid } = await galleries.get('a')
    await galleries.delete('a')
    preparations[0]![settle](new AlikeError('gallery_not_found'))
    assert.deepEqual([(await creation).created, dropped.includes(setUid)], [true, true])
    await assert.rejects(galleries.get('a'), { code: 'gallery_not_found' })
  }
})

test('a gallery that a repeated request has created stays, though the first request fails after it', async (t) => {
  const { galleries, preparations, dropped } = await open(t)
  const first = galleries.create('a')
  await until(() => preparations.length === 1)
  const second = galleries.create('a')
  await until(() => preparations.length === 2)
  preparations[1]!.end()
  assert.equal((await second).created, false)
  preparations[0]!.fail(unreachable())
  await assert.rejects(first, { code: 'engine_unreachable' })
  assert.deepEqual([(await galleries.get('a')).name, dropped], ['a', []])
})

test('a gallery that a repeated request has just created stays, too, and one that was removed is created again', async (t) => {
  const { galleries, preparations } = await open(t)
  for (const [name, first, second] of [
    ['a', 0, 1],
    ['b', 1, 0],
  ] as const) {
    preparations.length = 0
    const created = galleries.create(name)
    await until(() => preparations.length === 1)
    const repeated = galleries.create(name)
    await until(() => preparations.length === 2)
    const settle = [() => preparations[0]!.fail(unreachable()), () => preparations[1]!.end()]
    settle[first]!()
    settle[second]!()
    await assert.rejects(created, { code: 'engine_unreachable' })
    const again = until(() => preparations[2], 'another attempt').then((preparation) => preparation.end())
    await Promise.race([repeated, again])
    assert.equal((await repeated).gallery.name, name)
    assert.equal((await galleries.get(name)).name, name, `settled in the order ${first}, ${second}`)
  }
})

test('a wish that its engine cannot grant does not undo what another request has created', async (t) => {
  const { galleries } = await open(t)
  const [refused, created] = await Promise.allSettled([
    galleries.create('a', undefined, { engine: 'embedded', shards: 2 }),
    galleries.create('a', undefined, { engine: 'embedded' }),
  ])
  assert.deepEqual([refused.status, created.status], ['rejected', 'fulfilled'])
  assert.equal((await galleries.get('a')).name, 'a')
})
