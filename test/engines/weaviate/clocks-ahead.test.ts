/** Processes whose clocks differ: the order of puts is only as accurate as the clocks, but none may be passed over. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { IndexRepair } from '../../../src/engines/weaviate/index-repair.js'
import { openWeaviate } from '../../../src/engines/weaviate/weaviate-engine.js'
import { WeaviateServer } from '../../../src/engines/weaviate/weaviate-server.js'
import { model, newImage } from '../../gallery/stored-images.js'
import { skipWithoutWeaviate, startWeaviate } from '../../support/weaviate-server.js'
import { unitVectors } from '../embedded/vector-index/unit-vectors.js'
import { layout } from './weaviate-galleries.js'

const logger = pino({ level: 'silent' })
const aheadMs = 120_000

async function whileAhead<Result>(t: TestContext, work: () => Promise<Result>): Promise<Result> {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + aheadMs })
  try {
    return await work()
  } finally {
    t.mock.timers.reset()
  }
}

test('what a process whose clock is ahead has stored is found, deleted and repaired like everything else', {
  skip: skipWithoutWeaviate,
}, async (t) => {
  const server = await startWeaviate()
  t.after(() => server.kill())
  const uid = randomBytes(8).toString('hex')
  const set = { uid, galleryUid: uid, modelId: model.id, dimension: model.dimension, state: 'ready' } as const
  const newVector = unitVectors({ dimension: model.dimension, seed: 3 })
  const put = (id: string) => ({ put: newImage(id, newVector(), { label: 'all' }) })
  const open = async () => {
    const engine = await openWeaviate({ server: server.settings, layout, logger })
    t.after(() => engine.close())
    await engine.prepare(set, {}, false)
    return engine.open(set)
  }
  const [exact, ahead] = [await open(), await open()]
  const since = Date.now()
  await exact.change([put('exact')])
  await whileAhead(t, () => ahead.change([put('ahead')]))

  const filter = { field: 'label', in: ['all'] }
  const hits = await (await exact.nearest({ vector: newVector(), exact: true, filter })).first(10)
  assert.deepEqual(hits.map(({ record }) => record.id).sort(), ['ahead', 'exact'])

  const connection = new WeaviateServer(server.settings)
  t.after(() => connection.close())
  const repair = new IndexRepair({ server: connection, layout, prefix: 'Alike_', onImages: () => {} })
  assert.equal((await repair.run(since, new AbortController().signal)).checked, 2)

  assert.equal(await exact.removeFitting(filter), 2)
  assert.equal((await exact.state()).images, 0)
})
