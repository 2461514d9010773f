/** A server killed in the middle of a change has pictures that one of its indexes does not: they are entered again. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { everyToken } from '../../../src/engines/weaviate/filter-tokens.js'
import { answerMax } from '../../../src/engines/weaviate/image-collection.js'
import { uuidOf } from '../../../src/engines/weaviate/image-object.js'
import { IndexRepair } from '../../../src/engines/weaviate/index-repair.js'
import { anyToken, both, putBetween } from '../../../src/engines/weaviate/pushed-filter.js'
import { openWeaviate } from '../../../src/engines/weaviate/weaviate-engine.js'
import { WeaviateServer } from '../../../src/engines/weaviate/weaviate-server.js'
import type { OpenSet } from '../../../src/gallery/engine.js'
import { pagesOf } from '../../../src/re-embedding/compared-sets.js'
import { newImage } from '../../gallery/stored-images.js'
import { until } from '../../support/until.js'
import { skipWithoutWeaviate, startWeaviate } from '../../support/weaviate-server.js'
import { RandomChanges } from './random-changes.js'
import { layout } from './weaviate-galleries.js'

const logger = pino({ level: 'silent' })
const changes = new RandomChanges({ uid: '00000000000000b0', perChange: 256, seed: 41 })
const { set } = changes
/** Searches use the graph from the first picture on. */
const tuning = { exactBelow: 1 }
/** On a busy machine most kills come after the end of the change. */
const roundsMax = 20
/** All pictures of all rounds are looked for, again if a search takes too long. */
const repairedWithinMs = 600_000

async function isFound(opened: OpenSet, id: string): Promise<boolean> {
  const hits = await opened.nearest({ vector: changes.vectorOf(id) })
  return (await hits.first(1))[0]?.record.id === id
}

test('pictures that a killed server stored and did not enter into its graph are found again, by a process that starts later, too', {
  skip: skipWithoutWeaviate,
}, async (t) => {
  const server = await startWeaviate()
  t.after(() => server.kill())
  const collection = changes.collection(t, server.settings)
  /** As the repair lists them. Each index has a log of its own, so that a killed server may have lost the end of any of them. */
  const listed = async () => {
    const where = both(anyToken([everyToken]), putBetween(0, Number.MAX_SAFE_INTEGER))
    const asked = { where, limit: answerMax, properties: ['imageId'] as const }
    return new Set((await collection.sorted('stamp', asked)).map(({ properties }) => properties.imageId!))
  }
  /** Not found by the server itself. */
  const missing = (among: readonly string[]) => changes.notFound(collection, among)

  /** Killed in the middle of a change, and the process that made it ends, too. */
  const killed = async (round: number) => {
    const engine = await openWeaviate({ server: server.settings, layout, tuning, logger })
    await engine.prepare(set, {}, round > 0)
    const opened = await engine.open(set)
    if (round === 0) await opened.change(changes.stepsOf(-1))
    const steps = changes.stepsOf(round)
    let ended = false
    const change = opened.change(steps).then(
      () => (ended = true),
      () => (ended = true),
    )
    const url = `${server.settings.url}/v1/objects/Alike_${set.uid}/${uuidOf(steps[150 - 20 * (round % 7)]!.put.id)}`
    const isStored = async () => (await fetch(url, { method: 'HEAD' }).catch(() => undefined))?.ok
    // a change that fails may have stored nothing
    await until(async () => ended || (await isStored()), 'half of the change')
    await server.kill()
    await change
    await engine.close()
    await server.start()
    return steps
  }

  let [steps, lost]: [ReturnType<typeof changes.stepsOf>, string[]] = [[], []]
  for (let round = 0; round < roundsMax && lost.length < 2; round++) {
    steps = await killed(round)
    const there = await listed()
    lost = await missing(steps.flatMap(({ put: { id } }) => (there.has(id) ? id : [])))
  }
  assert.ok(lost.length >= 2, 'no change was half done when the server was killed')
  t.diagnostic(`${lost.length} pictures were stored and not found`)

  let repaired = 0
  const onRepair = (images: number) => {
    repaired += images
  }
  const engine = await openWeaviate({ server: server.settings, layout, tuning, logger, onRepair })
  t.after(() => engine.close())
  const opened = await engine.open(set)
  const again = lost.pop()!
  await opened.change([{ put: newImage(again, changes.vectorOf(again)) }])
  assert.ok(await isFound(opened, again), 'repeating the write adds it at once')
  await until(async () => (await missing(lost)).length === 0, 'all that is stored being found', repairedWithinMs)
  assert.ok(repaired >= lost.length, `${repaired} entered again`)
  for (const id of lost) assert.ok(await isFound(opened, id), id)

  await opened.change(steps)
  assert.deepEqual(await missing(steps.map(({ put: { id } }) => id)), [], 'repeating the write completes it')
  const there = await listed()
  assert.ok(steps.every(({ put: { id } }) => there.has(id)))
})

/** So long that parts of a change leave the server's process before its end. */
const thumbnail = new Uint8Array(20_000)

test('pictures that a killed server stored and lists no more are listed again, also beside entries of objects that are gone', {
  skip: skipWithoutWeaviate,
}, async (t) => {
  const server = await startWeaviate()
  t.after(() => server.kill())
  const replaced = new RandomChanges({ uid: '00000000000000b1', perChange: 256, seed: 43 })
  const collection = replaced.collection(t, server.settings)
  const properties = ['imageId'] as const
  const whole = async () => {
    const stored: string[] = []
    for await (const page of collection.all({ limit: 500, properties }))
      stored.push(...page.map(({ properties: { imageId = '' } }) => imageId))
    return stored.sort()
  }
  const atOnce = () =>
    collection.sorted('stamp', { where: putBetween(0, Number.MAX_SAFE_INTEGER), limit: 100, properties })
  const listedBy = async (opened: OpenSet) => {
    const listed: string[] = []
    for await (const page of pagesOf(opened, new AbortController().signal)) listed.push(...page.map(({ id }) => id))
    return listed.sort()
  }
  const open = async (isPrepared: boolean) => {
    const engine = await openWeaviate({ server: server.settings, layout, tuning, logger })
    await engine.prepare(replaced.set, {}, isPrepared)
    return { engine, opened: await engine.open(replaced.set) }
  }
  /** Killed while all are replaced. */
  const killed = async (round: number) => {
    const { engine, opened } = await open(round > 0)
    const steps = replaced.stepsOf(0).map(({ put }) => ({ put: { ...put, thumbnail, contentHash: `round ${round}` } }))
    if (round === 0) await opened.change(steps)
    const change = opened.change(steps).catch(() => {})
    const middle = uuidOf(steps[100 - 20 * (round % 5)]!.put.id)
    const isReplaced = async () => {
      const found = await collection.ofIds([middle], { properties: ['contentHash'] }).catch(() => undefined)
      return found?.get(middle)?.properties.contentHash === `round ${round}`
    }
    let ended = false
    void change.then(() => {
      ended = true
    })
    await until(async () => ended || (await isReplaced()), 'a part of the change')
    await server.kill()
    await change
    await engine.close()
    await server.start()
  }
  let [isShort, unlisted] = [false, 0]
  // after a few rounds one of them is enough
  const areEnough = (round: number) => (round < 6 ? isShort && unlisted > 0 : isShort || unlisted > 0)
  for (let round = 0; round < roundsMax && !areEnough(round); round++) {
    await killed(round)
    const where = putBetween(0, Number.MAX_SAFE_INTEGER)
    const listed = await collection.sorted('stamp', { where, limit: answerMax, properties })
    unlisted = (await whole()).length - listed.length
    isShort = (await atOnce()).length < 100 && listed.length > 100
  }
  t.diagnostic(`${unlisted} pictures are stored and not listed; a list ends early: ${isShort}`)
  if (!isShort && unlisted === 0) return t.skip('no change was half done when the server was killed')

  const { engine, opened } = await open(true)
  t.after(() => engine.close())
  const stored = await whole()
  await until(async () => (await listedBy(opened)).length === stored.length, 'all being listed', repairedWithinMs)
  assert.deepEqual(await listedBy(opened), stored)
})

test('a repair ends with its process, also while it has found nothing to repair', {
  skip: skipWithoutWeaviate,
}, async (t) => {
  const server = await startWeaviate()
  t.after(() => server.kill())
  const stored = new RandomChanges({ uid: '00000000000000b2', perChange: 2, seed: 44 })
  const engine = await openWeaviate({ server: server.settings, layout, tuning, logger })
  t.after(() => engine.close())
  await engine.prepare(stored.set, {}, false)
  await (await engine.open(stored.set)).change(stored.stepsOf(0))
  const connection = new WeaviateServer(server.settings)
  t.after(() => connection.close())
  const repair = new IndexRepair({ server: connection, layout, prefix: 'Alike_', onImages: () => {} })
  const later = Date.now() + 3_600_000
  await assert.rejects(repair.run(later, AbortSignal.abort()), { name: 'AbortError' })
  assert.equal((await repair.run(later, new AbortController().signal)).checked, 0)
})
