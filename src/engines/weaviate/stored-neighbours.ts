/** The nearest other pictures of stored ones, for analyses of a whole set. */
import pMap from 'p-map'
import { cosine } from '../../cosine.js'
import type { Neighbours, NeighboursRequest } from '../../gallery/scan.js'
import type { ImageCollection } from './image-collection.js'
import { distinct } from './image-object.js'
import { firstCandidatesOf } from './nearest-hits.js'
import { NumberedUuids } from './numbered-uuids.js'

/** Pictures answered at a time. */
const answeredAtOnce = 64
/** Maximum concurrent searches. */
const searchesAtOnce = 8
const spareCandidates = 8

export class StoredNeighbours {
  readonly #collection: ImageCollection
  readonly #uuids: NumberedUuids
  /** By uuid; assigned by the scan's thread. */
  readonly #numbers = new Map<string, number>()
  #known = 0

  constructor(collection: ImageCollection, uuids: SharedArrayBuffer) {
    this.#collection = collection
    this.#uuids = new NumberedUuids(uuids)
  }

  async of({ numbers, k, ef = 0, asForQuery }: NeighboursRequest): Promise<Neighbours> {
    this.#learn()
    const limit = Math.max(k + spareCandidates, ef, asForQuery ? firstCandidatesOf(ef) : 0)
    const answered = numbers.subarray(0, answeredAtOnce)
    const found: Neighbours = {
      answered: answered.length,
      counts: new Uint32Array(answered.length),
      numbers: new Uint32Array(answered.length * k),
      scores: new Float32Array(answered.length * k),
      byGraph: answered.length,
    }
    const uuids = Array.from(answered, (number) => this.#uuids.uuidOf(number))
    const vectors = await this.#vectorsOf(uuids)
    const answer = async (uuid: string, row: number): Promise<void> => {
      const vector = vectors.get(uuid)
      if (vector !== undefined) await this.#answer(row, { uuid, vector: Float32Array.from(vector), k, limit }, found)
    }
    await pMap(uuids, answer, { concurrency: searchesAtOnce })
    return found
  }

  /** From one replica, as the neighbours, and what that one lacks from the others. */
  async #vectorsOf(uuids: readonly string[]): Promise<Map<string, readonly number[]>> {
    const options = { properties: [], vectors: true }
    const found = await this.#collection.ofIds(uuids, { ...options, consistency: 'one' })
    const lacking = uuids.filter((uuid) => !found.has(uuid))
    const others = lacking.length === 0 ? [] : await this.#collection.ofIds(lacking, options)
    return new Map([...found, ...others].map(([uuid, { vector }]) => [uuid, vector]))
  }

  async #answer(
    row: number,
    { uuid, vector, k, limit }: { uuid: string; vector: Float32Array; k: number; limit: number },
    found: Neighbours,
  ): Promise<void> {
    const near = distinct(await this.#collection.near(vector, { limit, properties: [] }))
    const others = near
      .flatMap((one) => {
        const number = this.#numbers.get(one.uuid)
        return one.uuid === uuid || number === undefined
          ? []
          : [{ number, score: cosine(vector, Float32Array.from(one.vector)) }]
      })
      .sort((a, b) => b.score - a.score || a.number - b.number)
      .slice(0, k)
    found.counts[row] = others.length
    others.forEach(({ number, score }, i) => {
      found.numbers[row * k + i] = number
      found.scores[row * k + i] = score
    })
  }

  #learn(): void {
    for (; this.#known < this.#uuids.count; this.#known++)
      this.#numbers.set(this.#uuids.uuidOf(this.#known), this.#known)
  }
}
