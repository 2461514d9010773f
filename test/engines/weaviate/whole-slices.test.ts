/** Lists over replicas that have missed changes, modelled in memory: `npm run test:chaos -- --reads` does the same with real nodes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { wordNames, wordProperties } from '../../../src/engines/weaviate/id-words.js'
import type { Found, ImageProperties, PropertyName } from '../../../src/engines/weaviate/image-object.js'
import { recordProperties } from '../../../src/engines/weaviate/image-object.js'
import { pageOf } from '../../../src/engines/weaviate/listed-images.js'
import type { Where } from '../../../src/engines/weaviate/pushed-filter.js'
import { type SlicedCollection, slicesByStamp } from '../../../src/engines/weaviate/whole-slices.js'
import { seededRandom } from '../../../src/eval/random.js'

interface Version {
  time: number
  /** Undefined: removed. */
  properties: Partial<ImageProperties> | undefined
}

/** Each write reaches two of three replicas, and each request two of them or one, at random. */
class Replicas implements SlicedCollection {
  readonly #random: () => number
  readonly #replicas = [0, 1, 2].map(() => new Map<string, Version>())
  #time = 0
  /** How many objects were read by id, and how often the first request of a slice was made. */
  readonly counts = { read: 0, slices: 0 }
  /** Maximum found in one response. */
  readonly #foundMax: number

  constructor(seed: number, { foundMax = 10_000 } = {}) {
    this.#random = seededRandom(seed)
    this.#foundMax = foundMax
  }

  write(id: string, properties: Partial<ImageProperties> | undefined, at = this.#some(2)): void {
    const version = { time: ++this.#time, properties: properties && { imageId: id, ...properties } }
    for (const replica of at) this.#replicas[replica]!.set(id, version)
  }

  /** As acknowledged. */
  get stored(): Partial<ImageProperties>[] {
    return this.#newest([0, 1, 2], this.#ids()).flatMap(({ properties }) => properties ?? [])
  }

  async isByOne(): Promise<boolean> {
    return false
  }

  async sorted(by: PropertyName, { where, limit, consistency }: Parameters<SlicedCollection['sorted']>[1]) {
    const [here, there] = this.#some(2) as [number, number]
    const numberOf = ({ properties }: Found) => properties[by] as number
    const live = [...this.#replicas[here]!].filter(([, { properties }]) => properties && meets(properties, where!))
    const found = live.map(([uuid, { time, properties }]) => foundOf(uuid, time, properties!))
    const page = found.sort((a, b) => numberOf(a) - numberOf(b)).slice(0, limit)
    if (consistency === 'one') return page
    this.counts.slices++
    return page.map((one) => {
      const [newest] = this.#newest([here, there], [one.uuid])
      for (const replica of [here, there]) this.#replicas[replica]!.set(one.uuid, newest!)
      // as the server does: whoever asked keeps the former version, and is told that it is consistent
      return { ...one, isConsistent: newest!.properties !== undefined }
    })
  }

  async anywhere(where: Where) {
    const asked = this.#some(2)
    const uuids = this.#ids().filter((id) =>
      asked.some((replica) => {
        const properties = this.#replicas[replica]!.get(id)?.properties
        return properties !== undefined && meets(properties, where)
      }),
    )
    return { uuids: uuids.sort(() => this.#random() - 0.5).slice(0, this.#foundMax), count: uuids.length }
  }

  async ofIds(uuids: readonly string[]) {
    this.counts.read += uuids.length
    const newest = this.#newest(this.#some(2), uuids)
    const live = uuids.flatMap((uuid, i): [string, Found][] => {
      const { time, properties } = newest[i]!
      return properties === undefined ? [] : [[uuid, foundOf(uuid, time, properties)]]
    })
    return new Map(live)
  }

  #ids(): string[] {
    return [...new Set(this.#replicas.flatMap((replica) => [...replica.keys()]))]
  }

  #some(count: number): number[] {
    const order = [0, 1, 2].map((replica) => [this.#random(), replica] as const)
    return order.sort(([a], [b]) => a - b).flatMap(([, replica], i) => (i < count ? [replica] : []))
  }

  #newest(replicas: readonly number[], ids: readonly string[]): Version[] {
    return ids.map((id) => {
      const versions = replicas.flatMap((replica) => this.#replicas[replica]!.get(id) ?? [])
      return versions.reduce((a, b) => (a.time > b.time ? a : b), { time: 0, properties: undefined } as Version)
    })
  }
}

function foundOf(uuid: string, updateTime: number, properties: Partial<ImageProperties>): Found {
  return { uuid, properties, vector: [], updateTime }
}

function meets(properties: Partial<ImageProperties>, { operator, filters, target, value }: Where): boolean {
  if (filters !== undefined) return filters.every((part) => meets(properties, part))
  const number = properties[(target as { property: PropertyName }).property] as number
  if (operator === 'Equal') return number === value
  return operator === 'GreaterThan' ? number > value : number <= value
}

/** Stored, replaced, changed and removed at random. */
function changed(seed: number, idOf: (n: number) => string, count: number): Replicas {
  const random = seededRandom(seed)
  const replicas = new Replicas(seed)
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

async function byStamp(replicas: Replicas, limit: number): Promise<unknown[]> {
  const asked = { upTo: Number.MAX_SAFE_INTEGER, limit, properties: ['label'] as const }
  const found: unknown[] = []
  for await (const page of slicesByStamp(replicas, asked))
    found.push(...page.map(({ properties }) => toldOf(properties)))
  return found
}

async function byId(replicas: Replicas, limit: number): Promise<unknown[]> {
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

test('nothing is read by id where replicas agree', async () => {
  const replicas = new Replicas(1)
  for (let stamp = 1; stamp <= 500; stamp++) replicas.write(`p${stamp}`, { stamp }, [0, 1, 2])
  assert.equal((await byStamp(replicas, 100)).length, 500)
  assert.deepEqual(replicas.counts, { read: 0, slices: 6 })
})

test('a replica that missed far more than a slice holds is no obstacle', async () => {
  const replicas = new Replicas(2, { foundMax: 1_000 })
  for (let n = 1; n <= 5_000; n++) {
    const id = `p${String(n).padStart(5, '0')}`
    const at = n % 500 === 0 ? [0, 1, 2] : [1, 2]
    replicas.write(id, { stamp: n, label: 'a', metadata: '{}', ...wordProperties(id) }, at)
  }
  assert.equal((await byStamp(replicas, 100)).length, 5_000)
  assert.equal((await byId(replicas, 1_000)).length, 5_000)
})
