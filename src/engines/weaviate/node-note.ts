/**
 * What processes share about the server's nodes: which process watches them, and until when each node is known to be sound. Stored in the
 * server itself, which every process reaches, and without which there is nothing to watch.
 */
import { configure } from 'weaviate-client'
import type { SoundUntil } from './node-sightings.js'
import type { WeaviateServer } from './weaviate-server.js'

export interface Noted {
  /** The process that watches the nodes, and until when if it does not renew the note; milliseconds since 1970. */
  holder: string
  until: number
  soundUntil: SoundUntil
  /** Nodes that may lack what others have. */
  inDoubt?: readonly string[] | undefined
  /** Since when no process has seen all nodes. */
  before?: number | undefined
}

/** Not the collection of a set: those have an underscore after `Alike`. */
const collection = 'AlikeNodes'
/** The only object. */
const id = '00000000-0000-4000-8000-000000000001'

export class NodeNote {
  readonly #server: WeaviateServer
  readonly #replicas: number
  #isMade = false

  constructor(server: WeaviateServer, replicas: number) {
    this.#server = server
    this.#replicas = replicas
  }

  /** @throws AlikeError as `WeaviateServer.call` */
  async read(): Promise<Noted | undefined> {
    await this.#make()
    return this.#server.call(async ({ collections }) => {
      const found = await collections.use(collection).withConsistency('QUORUM').query.fetchObjectById(id)
      return found === null ? undefined : (JSON.parse(String(found.properties['note'])) as Noted)
    })
  }

  /** @throws AlikeError as `WeaviateServer.call` */
  async write(noted: Noted): Promise<void> {
    await this.#make()
    const object = { class: collection, id, properties: { note: JSON.stringify(noted) } }
    const [failure] = await this.#server.write(() => [object])
    if (failure !== undefined) throw failure
  }

  /** Otherwise the server would create it by itself, with one replica. */
  async #make(): Promise<void> {
    if (this.#isMade) return
    await this.#server.call(async ({ collections }) => {
      if (await collections.exists(collection)) return
      try {
        await collections.create({
          name: collection,
          properties: [{ name: 'note', dataType: 'text', indexFilterable: false, indexSearchable: false }],
          replication: configure.replication({ factor: this.#replicas }),
          sharding: configure.sharding({ desiredCount: 1 }),
        })
      } catch (error) {
        // another process was faster
        if (!(await collections.exists(collection))) throw error
      }
    })
    this.#isMade = true
  }
}

/** Whether `holder` may watch the nodes. */
export function isFreeFor(holder: string, noted: Noted | undefined, now: number): boolean {
  return noted === undefined || noted.holder === holder || noted.until < now
}
