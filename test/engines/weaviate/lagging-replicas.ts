/** A collection whose replicas have missed changes, or keep index entries of objects that are gone, modelled in memory. */
import { ImageCollection } from '../../../src/engines/weaviate/image-collection.js'
import type { Found, ImageProperties, PropertyName } from '../../../src/engines/weaviate/image-object.js'
import type { LabelledCollection } from '../../../src/engines/weaviate/label-counts.js'
import type { Where } from '../../../src/engines/weaviate/pushed-filter.js'
import { seededRandom } from '../../../src/eval/random.js'

interface Version {
  time: number
  /** Undefined: removed. */
  properties: Partial<ImageProperties> | undefined
}

/** Each write reaches two of three replicas, and each request two of them or one, at random. */
export class LaggingReplicas implements LabelledCollection {
  readonly #random: () => number
  readonly #replicas = [0, 1, 2].map(() => new Map<string, Version>())
  #time = 0
  /** How many objects were read by id, and how often the first request of a slice was made. */
  readonly counts = { read: 0, slices: 0 }
  /** Maximum found in one response. */
  readonly #foundMax: number
  readonly #isByOne: boolean
  /** Index entries of every replica without an object. */
  readonly #entries: Partial<ImageProperties>[] = []

  constructor(seed: number, { foundMax = 10_000, isByOne = false } = {}) {
    this.#random = seededRandom(seed)
    this.#foundMax = foundMax
    this.#isByOne = isByOne
  }

  write(id: string, properties: Partial<ImageProperties> | undefined, at = this.#some(2)): void {
    const version = { time: ++this.#time, properties: properties && { imageId: id, ...properties } }
    for (const replica of at) this.#replicas[replica]!.set(id, version)
  }

  /** As a node does that is killed while it replaces this picture. */
  leaveEntry(properties: Partial<ImageProperties>): void {
    this.#entries.push(properties)
  }

  /** As acknowledged. */
  get stored(): Partial<ImageProperties>[] {
    return this.#newest([0, 1, 2], this.#ids()).flatMap(({ properties }) => properties ?? [])
  }

  async isByOne(): Promise<boolean> {
    return this.#isByOne
  }

  async sorted(by: PropertyName, { where, limit, consistency }: Parameters<LabelledCollection['sorted']>[1]) {
    const [here, there] = this.#some(2) as [number, number]
    const numberOf = ({ properties }: Found) => properties[by] as number
    const live = [...this.#replicas[here]!].filter(([, { properties }]) => properties && meets(properties, where!))
    const found = live.map(([uuid, { time, properties }]) => foundOf(uuid, time, properties!))
    const entries = this.#entries.filter((one) => meets(one, where!)).map((one) => foundOf('', 0, one))
    const listed = [...found, ...entries].sort((a, b) => numberOf(a) - numberOf(b)).slice(0, limit)
    const page = listed.filter(({ uuid }) => uuid !== '')
    if (consistency === 'one') return page
    this.counts.slices++
    return page.map((one) => {
      const [newest] = this.#newest([here, there], [one.uuid])
      for (const replica of [here, there]) this.#replicas[replica]!.set(one.uuid, newest!)
      // as the server does: whoever asked keeps the former version, and is told that it is consistent
      return { ...one, isConsistent: newest!.properties !== undefined }
    })
  }

  sortedFully = ImageCollection.prototype.sortedFully

  /** Of one replica, by its index. */
  async count(where: Where): Promise<number> {
    const [here] = this.#some(1) as [number]
    const stored = [...this.#replicas[here]!.values()].map(({ properties }) => properties)
    return [...stored, ...this.#entries].filter((properties) => properties && meets(properties, where)).length
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
  const met = filters?.map((part) => meets(properties, part)) ?? []
  if (operator === 'And') return met.every(Boolean)
  if (operator === 'Or') return met.some(Boolean)
  if (operator === 'Not') return !met[0]
  const stored = properties[(target as { property: PropertyName }).property]
  if (operator === 'ContainsAny') return (value as string[]).some((one) => (stored as string[]).includes(one))
  const [number, bound] = [stored as number, value as number]
  if (operator === 'Equal') return number === bound
  return operator === 'GreaterThan' ? number > bound : number <= bound
}
