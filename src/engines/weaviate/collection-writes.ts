/** Writes to the collection of one set. Each may be repeated. */
import type { BatchResult } from './batch-outcomes.js'
import type { CollectionAccess } from './collection-access.js'
import type { ImageProperties } from './image-object.js'
import { readByIds } from './reads-by-id.js'
import type { Consistency } from './weaviate-settings.js'

/** Objects per write request: with their thumbnails, some megabytes at most. */
const writtenAtOnce = 128
const idsAtOnce = 500

/** To be written. */
export interface NewObject {
  uuid: string
  properties: ImageProperties
  vector: Float32Array
}

export class CollectionWrites {
  readonly #access: CollectionAccess

  constructor(access: CollectionAccess) {
    this.#access = access
  }

  /** In the order of the objects: the error if one was not written. */
  async put(objects: readonly NewObject[]): Promise<BatchResult[]> {
    const results: BatchResult[] = []
    for (let begin = 0; begin < objects.length; begin += writtenAtOnce) {
      const part = objects.slice(begin, begin + writtenAtOnce)
      const written = () =>
        part.map(({ uuid, properties, vector }) => ({
          class: this.#access.name,
          id: uuid,
          properties: { ...properties, ...newAttempt() },
          vectors: { default: [...vector] },
        }))
      results.push(...(await this.#access.call((server) => server.write(written))))
    }
    await this.flush(objects.flatMap(({ uuid }, i) => (results[i] === undefined ? uuid : [])))
    return results
  }

  /**
   * The server acknowledges a batch before its graph's log has left the process: if it is killed then, the objects
   * exist but no search finds them. A removal flushes that log on every replica involved, even a dry run.
   */
  async flush(uuids: readonly string[], consistency?: Consistency): Promise<void> {
    const options = { dryRun: true, consistency }
    for (let begin = 0; begin < uuids.length; begin += idsAtOnce)
      await this.#access.call((server) =>
        server.remove(this.#access.name, uuids.slice(begin, begin + idsAtOnce), options),
      )
  }

  /** Omitted properties stay; `null` removes one. The vector is unchanged. @throws AlikeError `image_not_found` */
  async merge(uuid: string, properties: Partial<ImageProperties>): Promise<void> {
    await this.#access.call((server) => server.merge(this.#access.name, uuid, () => properties))
  }

  /**
   * Inserts the picture into the replicas' indexes again, as it is stored there. Unlike a batch, a single change is acknowledged after
   * the graph's log has left the process.
   * @param consistency `all`: into every replica's indexes; default: as configured
   * @throws AlikeError `engine_unreachable` while too many replicas are missing, `image_not_found`
   */
  async enterAgain(uuid: string, consistency?: Consistency): Promise<void> {
    await this.#access.call((server) => server.merge(this.#access.name, uuid, newAttempt, consistency))
  }

  /**
   * Without a time, a removal loses to the copy on a node that missed it, and the picture would come back everywhere. With the millisecond
   * after the last write as its time, it wins over that write and loses to any later one, whatever clocks say.
   */
  async remove(uuids: readonly string[]): Promise<void> {
    for (let begin = 0; begin < uuids.length; begin += idsAtOnce) {
      const part = uuids.slice(begin, begin + idsAtOnce)
      const options = { deletedAt: (await this.#lastUpdate(part)) + 1 }
      await this.#access.call((server) => server.remove(this.#access.name, part, options))
    }
  }

  /** When the newest of these was written, by the clock of the node that wrote it; milliseconds since 1970. */
  async #lastUpdate(uuids: readonly string[]): Promise<number> {
    const stored = await readByIds(this.#access, uuids, { properties: [] })
    return Math.max(0, ...stored.map(({ updateTime = 0 }) => updateTime))
  }
}

/**
 * If a picture is written again with the same vector, the server stores it but does not insert it into the graph, assuming that it is
 * already there; an interrupted attempt may have left it only in the store. A changed coordinate makes the server insert it.
 */
function newAttempt(): { attempt: { latitude: number; longitude: number } } {
  return { attempt: { latitude: Math.random() * 180 - 90, longitude: Math.random() * 360 - 180 } }
}
