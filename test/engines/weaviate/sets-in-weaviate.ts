/** The sets that a catalogue in a data folder has in a Weaviate server, and what the server has and finds of them. */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import BetterSqlite3 from 'better-sqlite3'
import pMap from 'p-map'
import { ImageCollection } from '../../../src/engines/weaviate/image-collection.js'
import type { Found } from '../../../src/engines/weaviate/image-object.js'
import { WeaviateServer } from '../../../src/engines/weaviate/weaviate-server.js'
import { tuningDefaults } from '../../../src/engines/weaviate/weaviate-settings.js'
import type { RunningWeaviate } from '../../support/weaviate-server.js'
import { collectionsOf, layout } from './weaviate-galleries.js'

interface StoredSet {
  uid: string
  engine: string
  stage: string
}

/** A picture is found if it is among so many neighbours of itself, or all of these are equal. */
const nearest = 16
const equalDistance = 1e-5

export class SetsInWeaviate {
  readonly #weaviate: RunningWeaviate
  readonly #dataDir: string

  constructor(weaviate: RunningWeaviate, dataDir: string) {
    this.#weaviate = weaviate
    this.#dataDir = dataDir
  }

  list(): StoredSet[] {
    const database = new BetterSqlite3(join(this.#dataDir, 'alike.db'), { readonly: true })
    try {
      const sets = database.prepare<[], StoredSet>('SELECT uid, engine, stage FROM embedding_set').all()
      return sets.filter(({ engine, stage }) => engine === 'weaviate' && stage !== 'dropped')
    } finally {
      database.close()
    }
  }

  /** Whether the server has their collections, and no others. */
  async areAll(): Promise<boolean> {
    const used = this.list().map(({ uid }) => `Alike_${uid}`)
    return JSON.stringify(await collectionsOf(this.#weaviate)) === JSON.stringify(used.sort())
  }

  /** Ids that the collection has, if it is there, and that the server does not find by its graph. */
  async notFound({ uid }: StoredSet): Promise<string[]> {
    if (!(await collectionsOf(this.#weaviate)).includes(`Alike_${uid}`)) return []
    const connection = new WeaviateServer(this.#weaviate.settings)
    const collection = new ImageCollection(connection, `Alike_${uid}`, { layout, tuning: tuningDefaults })
    const lost: string[] = []
    const search = async ({ uuid, vector, properties }: Found) => {
      const query = { limit: nearest, properties: [], vectors: false }
      const found = await collection.near(Float32Array.from(vector), query)
      const areEqual = found.length === nearest && found.every(({ distance = 1 }) => distance < equalDistance)
      if (!areEqual && !found.some((one) => one.uuid === uuid)) lost.push(properties.imageId!)
    }
    for await (const page of collection.all({ limit: 500, properties: ['imageId'], vectors: true }))
      await pMap(page, search, { concurrency: 8 })
    await connection.close()
    return lost
  }

  /** Until the set that does not serve has more, for some seconds: the server stores pictures, and then inserts them into its graph. */
  async untilMoreStored(): Promise<void> {
    const other = this.list().find(({ stage }) => stage !== 'serving')
    if (other === undefined) return
    const body = JSON.stringify({ query: `{ Aggregate { Alike_${other.uid} { meta { count } } } }` })
    const request = { method: 'POST', headers: { 'content-type': 'application/json' }, body }
    const count = async () => (await fetch(`${this.#weaviate.settings.url}/v1/graphql`, request)).text()
    const [before, end] = [await count(), performance.now() + 8_000]
    while (performance.now() < end && (await count()) === before) await sleep(1)
  }
}
