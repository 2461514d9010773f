/** A graph full of removed pictures is rebuilt while the gallery is searched and written to. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { Galleries } from '../../../src/gallery/galleries.js'
import { model, newImage, putImages, removeImages } from '../../gallery/stored-images.js'
import { dataFolder, index, openIn, settled } from './storage-folder.js'
import { seededRandom, unitVectors } from './vector-index/unit-vectors.js'

const makeVector = unitVectors({ dimension: model.dimension, seed: 61 })

class Shadow {
  readonly vectors = new Map<string, Float32Array>()
  readonly removed = new Set<string>()
  readonly #galleries: Galleries
  #next = 0

  constructor(galleries: Galleries) {
    this.#galleries = galleries
  }

  async put(count: number): Promise<void> {
    const images = Array.from({ length: count }, () => [`p${this.#next++}`, makeVector()] as const)
    await putImages(
      this.#galleries.images,
      'a',
      images.map(([id, vector], i) => newImage(id, vector, { label: i % 3 ? 'often' : 'seldom' })),
    )
    for (const [id, vector] of images) this.vectors.set(id, vector)
  }

  async remove(ids: string[]): Promise<void> {
    await removeImages(this.#galleries.images, 'a', ids)
    for (const id of ids) {
      this.vectors.delete(id)
      this.removed.add(id)
    }
  }

  /**
   * Against the current data: k hits whenever k exist, none that was removed, and nearly all that the exact scan finds.
   */
  async compareSearch(random: () => number, when: string): Promise<{ found: number; wanted: number }> {
    const vector = makeVector()
    const k = 1 + Math.floor(random() * 30)
    const filter = random() < 0.4 ? { filter: { field: 'label', in: ['seldom'] } } : {}
    const [result, exact] = await Promise.all([
      this.#galleries.searches.search('a', { vector, k, ...filter }),
      this.#galleries.searches.search('a', { vector, k, exact: true, ...filter }),
    ])
    assert.equal(result.hits.length, k, when)
    for (const { record, score } of result.hits) {
      assert.ok(!this.removed.has(record.id), `${when}: ${record.id} was removed`)
      const stored = this.vectors.get(record.id)!
      assert.ok(
        Math.abs(stored.reduce((sum, value, i) => sum + value * vector[i]!, 0) - score) < 1e-5,
        `${when}: the score is that of the vector`,
      )
    }
    const truth = new Set(exact.hits.map(({ record }) => record.id))
    return { found: result.hits.filter(({ record }) => truth.has(record.id)).length, wanted: k }
  }

  async findsItself(id: string, when: string): Promise<void> {
    const { hits } = await this.#galleries.searches.search('a', { vector: this.vectors.get(id)!, k: 1 })
    assert.equal(hits[0]?.record.id, id, when)
  }
}

test('throughout a rebuild, searches are right and return k hits whenever k exist', async (t) => {
  const dataDir = await dataFolder(t)
  // Slices small enough that many searches fall into the construction of one graph.
  const galleries = await openIn(t, dataDir, { index: { ...index, efConstruction: 200, sliceMs: 0.1 } })
  await galleries.create('a')
  const shadow = new Shadow(galleries)
  for (let i = 0; i < 8; i++) await shadow.put(500)
  await settled(galleries)
  const random = seededRandom(67)
  const { rebuilds } = (await galleries.readings.all())[0]!
  const doomed = [...shadow.vectors.keys()].filter(() => random() < 0.45)
  for (let i = 0; i < doomed.length; i += 300) await shadow.remove(doomed.slice(i, i + 300))

  let [found, wanted, searches, whileBuilding] = [0, 0, 0, 0]
  // Twice: what was written during the first rebuild is in the second.
  for (const until of [1, 2]) {
    while ((await galleries.readings.all())[0]!.rebuilds < rebuilds + until) {
      const when = `search ${searches}`
      const reading = (await galleries.readings.all())[0]!
      whileBuilding += Number(reading.building)
      const compared = await shadow.compareSearch(random, when)
      found += compared.found
      wanted += compared.wanted
      if (searches % 5 === 0) {
        await shadow.put(3)
        await shadow.findsItself([...shadow.vectors.keys()].at(-1)!, when)
        const ids = [...shadow.vectors.keys()]
        await shadow.remove([ids[Math.floor(random() * ids.length)]!])
      }
      if (until === 2 && !reading.building && reading.tombstones < 900) {
        const ids = [...shadow.vectors.keys()]
        await shadow.remove(ids.filter(() => random() < 0.3))
      }
      searches++
      await turn()
    }
  }
  t.diagnostic(
    `${searches} searches, ${whileBuilding} of them while a graph was built, recall ${(found / wanted).toFixed(4)}`,
  )
  assert.ok(whileBuilding > 5)
  assert.ok(found / wanted >= 0.97, `recall ${found / wanted}`)

  await settled(galleries)
  const all = await galleries.searches.search('a', { vector: makeVector(), k: 10_000 })
  assert.deepEqual(
    new Set(all.hits.map(({ record }) => record.id)),
    new Set(shadow.vectors.keys()),
    'all of them, and nothing else',
  )
  await galleries.close()

  const again = await openIn(t, dataDir)
  const reopened = await again.searches.search('a', { vector: makeVector(), k: 10_000 })
  assert.deepEqual(
    new Set(reopened.hits.map(({ record }) => record.id)),
    new Set(shadow.vectors.keys()),
    'after a restart too',
  )
})
