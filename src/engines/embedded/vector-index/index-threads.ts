/**
 * The main thread's side of vector search: every gallery's index has as many parts as there are index threads. A single
 * part is the whole index and is used directly.
 */
import type { AlikeError } from '../../../errors.js'
import type { OpenedIndex } from './index-protocol.js'
import { type IndexPart, IndexThread, type PartOptions } from './index-thread.js'
import { PartedIndex } from './parted-index.js'
import { SearchQueue } from './search-queue.js'
import { vectorsOfParts } from './slots-of-parts.js'
import type { IndexSettings, SlotVectors, VectorIndex } from './vector-index.js'

export interface IndexThreadsOptions {
  settings: IndexSettings
  /** Called once for each thread that dies; later calls to it are rejected. */
  onFailure(error: AlikeError): void
}

export interface OpenIndexOptions extends PartOptions {
  /** Every live vector; the buffers are transferred to the threads. */
  vectors: AsyncIterable<SlotVectors>
}

/** More parts are not worth their threads, because every search asks each of them. */
const partsMaxOfAuto = 8

/** @param cores available to this process; the other half decodes and embeds */
export function indexPartsWanted({ indexParts }: { indexParts: string }, cores: number): number {
  return indexParts === 'auto' ? Math.min(partsMaxOfAuto, Math.max(1, Math.floor(cores / 2))) : Number(indexParts)
}

export class IndexThreads {
  readonly #settings: IndexSettings
  readonly #queue: SearchQueue
  readonly #threads: readonly IndexThread[]

  constructor({ settings, onFailure }: IndexThreadsOptions) {
    const { parts } = settings
    this.#settings = settings
    this.#queue = new SearchQueue(settings.searchQueueMax)
    // Per-gallery bounds are divided, so that a part acts when the whole would.
    const ofPart = {
      ...settings,
      exactBelow: Math.floor(settings.exactBelow / parts),
      tombstoneMinimum: Math.ceil(settings.tombstoneMinimum / parts),
    }
    this.#threads = Array.from(
      { length: parts },
      (_, part) => new IndexThread({ settings: ofPart, part, queue: this.#queue, onFailure }),
    )
  }

  /** Resolves when every vector can be found; the graphs may still be catching up. */
  async open({ vectors, ...options }: OpenIndexOptions): Promise<{ index: VectorIndex; opened: OpenedIndex }> {
    const begun = await Promise.all(this.#threads.map((thread) => thread.begin(options)))
    const parts = begun.map(({ part }) => part)
    const graphCachesFit = await startedWith(parts, vectors, options.dimension).catch(async (error: unknown) => {
      await Promise.all(parts.map((part) => part.close()))
      throw error
    })
    const opened = begun.map(({ opened: { graphCache } }, part): OpenedIndex['graphCache'] =>
      graphCachesFit[part] ? graphCache : { state: 'rejected', reason: 'its vectors are not those of the database' },
    )
    const { dimension } = options
    const index =
      parts.length === 1
        ? parts[0]!
        : new PartedIndex({ parts, dimension, settings: this.#settings, queue: this.#queue })
    return { index, opened: { graphCache: graphCacheOfParts(opened) } }
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.close()))
  }
}

/** @returns for each part whether its graph cache matches its vectors */
async function startedWith(
  parts: readonly IndexPart[],
  vectors: AsyncIterable<SlotVectors>,
  dimension: number,
): Promise<boolean[]> {
  await addAll(parts, vectors, dimension)
  return Promise.all(parts.map((part) => part.start()))
}

/** Sends one batch while the next is being read. */
async function addAll(
  parts: readonly IndexPart[],
  vectors: AsyncIterable<SlotVectors>,
  dimension: number,
): Promise<void> {
  let adding: Promise<unknown> = Promise.resolve()
  for await (const batch of vectors) {
    await adding
    const shares = parts.length === 1 ? [batch] : vectorsOfParts(batch, dimension, parts.length)
    adding = Promise.all(shares.map((share, part) => parts[part]!.take(share)))
    adding.catch(() => {}) // awaited in the next iteration; until then nobody else handles a rejection
  }
  await adding
}

/** The state of all parts combined: even one rebuilt part is worth a log line. */
function graphCacheOfParts(graphCaches: readonly OpenedIndex['graphCache'][]): OpenedIndex['graphCache'] {
  if (graphCaches.length === 1) return graphCaches[0]!
  const reasons = graphCaches.flatMap((graphCache, part) =>
    graphCache.state === 'rejected' ? `part ${part}: ${graphCache.reason}` : [],
  )
  if (reasons.length > 0) return { state: 'rejected', reason: reasons.join('; ') }
  return { state: graphCaches.some(({ state }) => state === 'used') ? 'used' : 'absent' }
}
