/** Lists over replicas that have missed changes: `npm run test:chaos -- --reads` does the same with real nodes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { wordNames, wordProperties } from '../../../src/engines/weaviate/id-words.js'
import { type ImageProperties, recordProperties } from '../../../src/engines/weaviate/image-object.js'
import { pageOf } from '../../../src/engines/weaviate/listed-images.js'
import { slicesByStamp } from '../../../src/engines/weaviate/whole-slices.js'
import { seededRandom } from '../../../src/eval/random.js'
import { LaggingReplicas } from './lagging-replicas.js'

/** Stored, replaced, changed and removed at random. */
function changed(seed: number, idOf: (n: number) => string, count: number): LaggingReplicas {
  const random = seededRandom(seed)
  const replicas = new LaggingReplicas(seed)
  for (let stamp = 1; stamp <= 3 * count; stamp++) {
    const id = idOf(Math.floor(random() * count))
    const stored = replicas.stored.find(({ imageId }) => imageId === id)
    const said = { label: `label ${stamp}`, metadata: '{}', ...wordProperties(id) }
    if (stored === undefined || random() < 0.4) replicas.write(id, { ...said, stamp })
    else replicas.write(id, random() < 0.5 ? undefined : { ...said, stamp: stored.stamp! })
  }
  return replicas
}

const toldOf = ({ imageId, label, stamp }: Partial<ImageProperties>) => [imageId, label, stamp]

async function byStamp(replicas: LaggingReplicas, limit: number): Promise<unknown[]> {
  const asked = { upTo: Number.MAX_SAFE_INTEGER, limit, properties: ['label'] as const }
  const found: unknown[] = []
  for await (const page of slicesByStamp(replicas, asked))
    found.push(...page.map(({ properties }) => toldOf(properties)))
  return found
}

async function byId(replicas: LaggingReplicas, limit: number): Promise<unknown[]> {
  const listing = { collection: replicas, where: undefined, properties: recordProperties }
  const found: unknown[] = []
  for (let after = ''; ; ) {
    let following: string | undefined
    for await (const { images, next } of pageOf(listing, { after, limit, maxLength: 2 ** 30 })) {
      found.push(...images.map(({ id, label }) => [id, label]))
      following = next
    }
    if (following === undefined) return found
    after = following
  }
}

test('slices have every acknowledged change, whichever replicas missed it', async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const replicas = changed(seed, (n) => `p${n}`, 40)
    const expected = replicas.stored.sort((a, b) => a.stamp! - b.stamp!).map(toldOf)
    assert.deepEqual(await byStamp(replicas, 7), expected, `seed ${seed}`)
  }
})

test('lists have every acknowledged change, also of ids that begin alike', async () => {
  const long = 'x'.repeat(wordNames.length * 6)
  for (const [seed, prefix] of ['', 'alike ', long].entries()) {
    const replicas = changed(seed, (n) => `${prefix}${n}`, 300)
    const expected = replicas.stored.map(({ imageId, label }) => [imageId!, label!] as [string, string])
    assert.deepEqual(
      await byId(replicas, 40),
      expected.sort(([a], [b]) => (a < b ? -1 : 1)),
    )
  }
})

test('index entries without an object end no list', async () => {
  for (const isByOne of [true, false]) {
    const replicas = new LaggingReplicas(3, { isByOne })
    for (let n = 0; n < 1_000; n++) {
      const id = `p${String(n).padStart(4, '0')}`
      const said = { stamp: 2_000 + n, label: 'a', metadata: '{}', ...wordProperties(id) }
      replicas.write(id, said, [0, 1, 2])
      // once far more of them in a row than a slice has
      if (n % 90 === 0 || (n > 300 && n < 620)) replicas.leaveEntry({ ...said, stamp: said.stamp - (n % 2) * 1_000 })
    }
    assert.equal((await byStamp(replicas, 100)).length, 1_000, `isByOne ${isByOne}`)
    assert.equal((await byId(replicas, 400)).length, 1_000, `isByOne ${isByOne}`)
  }
})

test('nothing is read by id where replicas agree', async () => {
  const replicas = new LaggingReplicas(1)
  for (let stamp = 1; stamp <= 500; stamp++) replicas.write(`p${stamp}`, { stamp }, [0, 1, 2])
  assert.equal((await byStamp(replicas, 100)).length, 500)
  assert.deepEqual(replicas.counts, { read: 0, slices: 6 })
})

test('a replica that missed far more than a slice holds is no obstacle', async () => {
  const replicas = new LaggingReplicas(2, { foundMax: 1_000 })
  for (let n = 1; n <= 5_000; n++) {
    const id = `p${String(n).padStart(5, '0')}`
    const at = n % 500 === 0 ? [0, 1, 2] : [1, 2]
    replicas.write(id, { stamp: n, label: 'a', metadata: '{}', ...wordProperties(id) }, at)
  }
  assert.equal((await byStamp(replicas, 100)).length, 5_000)
  assert.equal((await byId(replicas, 1_000)).length, 5_000)
})
