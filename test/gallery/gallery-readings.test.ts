/** Galleries of an engine whose server does not answer, or that this process does not have. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { openEmbedded } from '../../src/engines/embedded/embedded-engine.js'
import { newUid } from '../../src/gallery/catalogue.js'
import type { Engine } from '../../src/gallery/engine.js'
import { openGalleries } from '../../src/gallery/galleries.js'
import { engineOf } from '../engines/embedded/embedded-galleries.js'
import { dataFolder, openIn } from '../engines/embedded/storage-folder.js'
import { onlyModel } from './only-model.js'
import { model } from './stored-images.js'

test('lists and metrics do not wait for an engine that is known to be unreachable', { timeout: 20_000 }, async (t) => {
  const embedded = await openEmbedded({ dataDir: await dataFolder(t), logger: pino({ level: 'silent' }) })
  let unreachable: string | undefined
  const hanging: Engine = {
    failure: undefined,
    readOnly: undefined,
    get unreachable() {
      return unreachable
    },
    prepare: async () => {},
    open: (set) => (unreachable === undefined ? embedded.open(set) : new Promise(() => {})),
    drop: async () => {},
    close: async () => {},
  }
  const galleries = await openGalleries({
    ...embedded,
    catalogue: embedded.catalogue,
    engines: { embedded, hanging },
    engineOfNew: 'embedded',
    progress: { committedBy: [], advance: async () => {} },
    models: onlyModel(model),
  })
  t.after(() => galleries.close())
  await galleries.create('near')
  await galleries.create('far', {}, { engine: 'hanging' })
  unreachable = 'no answer within 20000 ms'
  const readings = await galleries.readings.all()
  assert.deepEqual(
    readings.map((reading) => [reading.gallery, reading.unreachable]),
    [
      ['far', true],
      ['near', undefined],
    ],
  )
  unreachable = undefined
  assert.equal((await galleries.readings.all())[0]?.unreachable, undefined)
})

test('a set left in an engine that this process does not have is listed, and can be removed', async (t) => {
  const galleries = await openIn(t, await dataFolder(t))
  await galleries.create('a')
  const { galleryUid, modelId, dimension } = await galleries.sets.serving('a')
  const set = { uid: newUid(), galleryUid, engine: 'former', modelId, dimension, about: {} }
  const left = await engineOf(galleries).catalogue.addSet(set)
  const states = async () =>
    (await galleries.sets.list('a')).map(({ engine, reading }) => [engine, reading.unreachable])
  assert.deepEqual(await states(), [
    ['embedded', undefined],
    ['former', true],
  ])
  await galleries.sets.remove('a', left)
  assert.deepEqual(await states(), [['embedded', undefined]])
})
