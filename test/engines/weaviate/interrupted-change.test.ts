/** A process that dies in the middle of a change has stored pictures that no search finds: another one makes them findable. */
import { test } from 'node:test'
import { pino } from 'pino'
import { uuidOf } from '../../../src/engines/weaviate/image-object.js'
import { openWeaviate } from '../../../src/engines/weaviate/weaviate-engine.js'
import type { WeaviateSettings } from '../../../src/engines/weaviate/weaviate-settings.js'
import { cuttingProxy } from '../../support/cutting-proxy.js'
import { until } from '../../support/until.js'
import { sharedWeaviate, skipWithoutWeaviate } from '../../support/weaviate-server.js'
import { RandomChanges } from './random-changes.js'
import { layout } from './weaviate-galleries.js'

const logger = pino({ level: 'silent' })
const changes = new RandomChanges({ uid: '00000000000000b1', perChange: 128, seed: 43 })
const { set } = changes
/** On a busy machine many changes end before they are cut off, or store nothing. */
const roundsMax = 30

test('what an interrupted change has stored is found by searches once it is made findable', {
  skip: skipWithoutWeaviate,
}, async (t) => {
  const { settings } = await sharedWeaviate()
  // watches the nodes: the end of the other process is no reason for a repair of graphs
  const engine = await openWeaviate({ server: settings, layout, logger })
  t.after(() => engine.close())
  await engine.prepare(set, {}, false)
  const opened = await engine.open(set)
  await opened.change(changes.stepsOf(-1))
  const collection = changes.collection(t, settings)
  /** Stored and not found. */
  const missing = async (ids: readonly string[]) => {
    const stored = await collection.ofIds(ids.map(uuidOf), { properties: ['stamp'] })
    return changes.notFound(
      collection,
      ids.filter((id) => stored.has(uuidOf(id))),
    )
  }

  /** @returns ids of the change */
  const interrupted = async (round: number, through: WeaviateSettings, cut: () => void) => {
    const other = await openWeaviate({ server: through, layout, logger })
    const steps = changes.stepsOf(round)
    const ids = steps.map(({ put: { id } }) => id)
    let ended = false
    const change = (await other.open(set)).change(steps).then(
      () => (ended = true),
      () => (ended = true),
    )
    const url = `${settings.url}/v1/objects/Alike_${set.uid}/${uuidOf(ids[0]!)}`
    await until(async () => ended || (await fetch(url, { method: 'HEAD' })).ok, 'a stored picture')
    cut()
    await change
    await other.close()
    return ids
  }

  let round = 0
  /** @returns ids of a change, some of them stored and not found */
  const halfDone = async () => {
    for (; round < roundsMax; round++) {
      const proxy = await cuttingProxy(t, settings.url)
      const ids = await interrupted(round, { ...settings, url: proxy.url, timeoutMs: 2_000 }, () => proxy.leave())
      const lost = await missing(ids)
      t.diagnostic(`${lost.length} pictures were stored and not found`)
      if (lost.length > 0) return ids
    }
    throw new Error('each change was complete, or had stored nothing')
  }
  for (const isTold of [true, false]) {
    const ids = await halfDone()
    // on a busy machine the server may still be storing some when the first call looks for them
    const areFound = async () => {
      await opened.makeFindable!(isTold ? [...ids, 'none'] : undefined)
      return (await missing(ids)).length === 0
    }
    await until(areFound, isTold ? 'those named being found' : 'those stored last being found')
    round++
  }
})
