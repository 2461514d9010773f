/**
 * What processes share about the server's nodes: which process watches them, and until when each node is known to be sound. Stored in the
 * server itself, which every process reaches, and without which there is nothing to watch.
 */
import { configure } from 'weaviate-client'
import { hasCode } from '../../errors.js'
import type { KnownNodes } from './node-sightings.js'
import type { WeaviateServer } from './weaviate-server.js'

export interface Noted extends KnownNodes {
  /** The process that watches the nodes, and until when if it does not renew the note; milliseconds since 1970. */
  holder: string
  until: number
  /** Nodes that may lack what others have. */
  inDoubt?: readonly string[] | undefined
}

/** Not the collection of a set: those have an underscore after `Alike`. */
const collection = 'AlikeNodes'
/** The only objects. */
const ids = { note: '00000000-0000-4000-8000-000000000001', company: '00000000-0000-4000-8000-000000000002' } as const

export class NodeNote {
  readonly #server: WeaviateServer
  readonly #replicas: number
  #isMade = false

  constructor(server: WeaviateServer, replicas: number) {
    this.#server = server
    this.#replicas = replicas
  }

  /** @throws AlikeError as `WeaviateServer.call` */
  read(): Promise<Noted | undefined> {
    return this.#read<Noted>('note')
  }

  /** @throws AlikeError as `WeaviateServer.call` */
  write(noted: Noted): Promise<void> {
    return this.#write('note', noted)
  }

  /** Of a process that writes to the server, to the one that watches it. @throws AlikeError as `WeaviateServer.call` */
  join(holder: string): Promise<void> {
    return this.#write('company', { holder })
  }

  /** Whether no process has joined it. @throws AlikeError as `WeaviateServer.call` */
  async isAlone(holder: string): Promise<boolean> {
    return (await this.#read<{ holder: string }>('company'))?.holder !== holder
  }

  #read<Text>(name: keyof typeof ids): Promise<Text | undefined> {
    return this.#made(async () => {
      const [found] = await this.#server.read(collection, [ids[name]], { consistency: 'quorum' })
      return found && (JSON.parse(String(found.properties?.['note'])) as Text)
    })
  }

  async #write(name: keyof typeof ids, text: object): Promise<void> {
    const object = { class: collection, id: ids[name], properties: { note: JSON.stringify(text) } }
    const [failure] = await this.#made(() => this.#server.write(() => [object]))
    if (failure !== undefined) throw failure
  }

  /** Its collection may be lost later, with all data of the server or because these were restored without it: then it is made again. */
  async #made<Reply>(ask: () => Promise<Reply>): Promise<Reply> {
    await this.#make()
    try {
      return await ask()
    } catch (error) {
      if (hasCode(error, 'gallery_not_found')) this.#isMade = false
      throw error
    }
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
