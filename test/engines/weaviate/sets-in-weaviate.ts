/** The sets that a catalogue has in a Weaviate server, and what the server has and finds of them. */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import BetterSqlite3 from 'better-sqlite3'
import pMap from 'p-map'
import { answerMax, ImageCollection } from '../../../src/engines/weaviate/image-collection.js'
import type { Found } from '../../../src/engines/weaviate/image-object.js'
import { WeaviateServer } from '../../../src/engines/weaviate/weaviate-server.js'
import { tuningDefaults } from '../../../src/engines/weaviate/weaviate-settings.js'
import { inDatabase } from '../../support/postgres-server.js'
import type { RunningWeaviate } from '../../support/weaviate-server.js'
import { collectionsOf, layout } from './weaviate-galleries.js'

interface StoredSet {
  uid: string
  engine: string
  stage: string
}

/** The sets of a catalogue, in any engine. */
export type StoredSets = () => Promise<StoredSet[]> | StoredSet[]

export function setsInFolder(dataDir: string): StoredSets {
  return () => {
    const database = new BetterSqlite3(join(dataDir, 'alike.db'), { readonly: true })
    try {
      return database.prepare<[], StoredSet>('SELECT uid, engine, stage FROM embedding_set').all()
    } finally {
      database.close()
    }
  }
}

export function setsInPostgres(url: string): StoredSets {
  return async () =>
    (await inDatabase(
      url,
      `SELECT embedding_set.uid, engine, CASE WHEN embedding_set.uid = serving THEN 'serving' ELSE stage END AS stage
       FROM alike.embedding_set JOIN alike.gallery ON gallery.uid = gallery_uid`,
    )) as unknown as StoredSet[]
}

/** Most pictures are among so many neighbours of themselves. */
const nearest = 16

export class SetsInWeaviate {
  readonly #weaviate: RunningWeaviate
  readonly #stored: StoredSets

  constructor(weaviate: RunningWeaviate, stored: StoredSets) {
    this.#weaviate = weaviate
    this.#stored = stored
  }

  async list(): Promise<StoredSet[]> {
    return (await this.#stored()).filter(({ engine, stage }) => engine === 'weaviate' && stage !== 'dropped')
  }

  /** Whether the server has their collections, and no others. */
  async areAll(): Promise<boolean> {
    const used = (await this.list()).map(({ uid }) => `Alike_${uid}`)
    return JSON.stringify(await collectionsOf(this.#weaviate)) === JSON.stringify(used.sort())
  }

  /** Ids that the collection has, if it is there, and that the server does not find by its graph. */
  async notFound({ uid }: StoredSet): Promise<string[]> {
    if (!(await collectionsOf(this.#weaviate)).includes(`Alike_${uid}`)) return []
    const connection = new WeaviateServer(this.#weaviate.settings)
    const collection = new ImageCollection(connection, `Alike_${uid}`, { layout, tuning: tuningDefaults })
    const lost: string[] = []
    const search = async ({ uuid, vector, properties }: Found) => {
      const query = { properties: [], vectors: false }
      const among = async (limit: number) => {
        const found = await collection.near(Float32Array.from(vector), { ...query, limit })
        return found.some((one) => one.uuid === uuid)
      }
      // a search for a few may miss one that is in the graph, if many are almost the same
      if (!(await among(nearest)) && !(await among(answerMax))) lost.push(properties.imageId!)
    }
    for await (const page of collection.all({ limit: 500, properties: ['imageId'], vectors: true }))
      await pMap(page, search, { concurrency: 8 })
    await connection.close()
    return lost
  }

  /** Until the set that does not serve has more, for some seconds: the server stores pictures, and then inserts them into its graph. */
  async untilMoreStored(): Promise<void> {
    const other = (await this.list()).find(({ stage }) => stage !== 'serving')
    if (other === undefined) return
    const body = JSON.stringify({ query: `{ Aggregate { Alike_${other.uid} { meta { count } } } }` })
    const request = { method: 'POST', headers: { 'content-type': 'application/json' }, body }
    const count = async () => (await fetch(`${this.#weaviate.settings.url}/v1/graphql`, request)).text()
    const [before, end] = [await count(), performance.now() + 8_000]
    while (performance.now() < end && (await count()) === before) await sleep(1)
  }
}
