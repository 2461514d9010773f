/** The main thread's side of the index: one thread for all galleries, one handle for each. */
import { AlikeError } from '../errors.js'
import { CalledThread } from '../worker-calls.js'
import type { IndexCalls, IndexThreadData, OpenedIndex } from './index-protocol.js'
import type { IndexReading, IndexSettings, NeighboursRequest, SearchRequest, SearchResult, SlotNeighbours, SlotVectors, VectorIndex } from './vector-index.js'

export interface IndexThreadOptions {
  settings: IndexSettings
  /** Called once when the thread ends by itself; every call after it is rejected. */
  onFailure(error: AlikeError): void
}

export interface OpenIndexOptions {
  dimension: number
  /** The truth's, taken before its vectors are read. */
  nextSlot: number
  snapshot: { folder: string; galleryUid: string; modelId: string }
  /** Every live vector; their buffers move to the thread. */
  vectors: AsyncIterable<SlotVectors>
}

export class IndexThread {
  readonly #thread: CalledThread<IndexCalls>
  readonly #searchQueueMax: number
  #lastIndex = 0
  #searchesWaiting = 0

  constructor({ settings, onFailure }: IndexThreadOptions) {
    this.#searchQueueMax = settings.searchQueueMax
    this.#thread = new CalledThread<IndexCalls>({
      name: 'index',
      file: new URL('./index-worker.js', import.meta.url),
      data: { settings } satisfies IndexThreadData,
      onFailure,
    })
  }

  /** Resolves when every vector can be found; the graph may still be catching up. */
  async open({ dimension, nextSlot, snapshot, vectors }: OpenIndexOptions): Promise<{ index: VectorIndex; opened: OpenedIndex }> {
    const index = ++this.#lastIndex
    const opened = await this.#thread.call('open', { index, dimension, nextSlot, snapshot })
    try {
      await this.#addAll(index, vectors)
    } catch (error) {
      await this.#thread.call('close', { index, erase: false })
      throw error
    }
    const { reading, snapshotFits } = await this.#thread.call('start', { index })
    if (!snapshotFits) opened.snapshot = { state: 'rejected', reason: 'its vectors are not those of the database' }
    return { index: new IndexHandle(this, index, dimension, reading), opened }
  }

  /** One batch is under way while the next is read. */
  async #addAll(index: number, vectors: AsyncIterable<SlotVectors>): Promise<void> {
    let adding: Promise<unknown> = Promise.resolve()
    for await (const batch of vectors) {
      await adding
      adding = this.#thread.call('add', { index, ...batch }, [batch.slots.buffer, batch.vectors.buffer] as ArrayBuffer[])
      adding.catch(() => {}) // awaited in the next round; until then nobody else hears of it
    }
    await adding
  }

  call<Name extends keyof IndexCalls>(name: Name, request: IndexCalls[Name]['request']): Promise<IndexCalls[Name]['reply']> {
    return this.#thread.call(name, request)
  }

  /** A call that belongs to a search. @throws AlikeError `overloaded` */
  async ask<Name extends 'search' | 'compare'>(name: Name, request: IndexCalls[Name]['request']): Promise<IndexCalls[Name]['reply']> {
    if (this.#searchesWaiting >= this.#searchQueueMax) throw new AlikeError('overloaded', { retryAfterSeconds: 1 })
    this.#searchesWaiting++
    try {
      return await this.#thread.call(name, request)
    } finally {
      this.#searchesWaiting--
    }
  }

  close(): Promise<void> {
    return this.#thread.close()
  }
}

class IndexHandle implements VectorIndex {
  readonly #thread: IndexThread
  readonly #index: number
  readonly #dimension: number
  #reading: IndexReading

  constructor(thread: IndexThread, index: number, dimension: number, reading: IndexReading) {
    this.#thread = thread
    this.#index = index
    this.#dimension = dimension
    this.#reading = reading
  }

  get size(): number {
    return this.#reading.size
  }

  get tombstones(): number {
    return this.#reading.tombstones
  }

  get pending(): number {
    return this.#reading.pending
  }

  get building(): boolean {
    return this.#reading.building
  }

  get rebuilds(): number {
    return this.#reading.rebuilds
  }

  async add({ slots, vectors }: SlotVectors): Promise<void> {
    if (vectors.length !== slots.length * this.#dimension) throw new AlikeError('dimension_mismatch')
    this.#reading = await this.#thread.call('add', { index: this.#index, slots: compact(slots), vectors: compact(vectors) })
  }

  async remove(slots: Uint32Array): Promise<void> {
    this.#reading = await this.#thread.call('remove', { index: this.#index, slots: compact(slots) })
  }

  async search(request: SearchRequest): Promise<SearchResult> {
    if (request.vector.length !== this.#dimension) throw new AlikeError('dimension_mismatch')
    const startedAt = performance.now()
    const { vector, allow, ...rest } = request
    const { reading, ...result } = await this.#thread.ask('search', {
      ...rest,
      index: this.#index,
      vector: compact(vector),
      ...(allow && { allow: compact(allow) }),
    })
    this.#reading = reading
    return { ...result, durationMs: performance.now() - startedAt }
  }

  async neighbours({ slots, ...rest }: NeighboursRequest): Promise<SlotNeighbours> {
    const { reading, ...found } = await this.#thread.call('neighbours', { ...rest, index: this.#index, slots: compact(slots) })
    this.#reading = reading
    return found
  }

  compare(rows: Uint32Array, columns: Uint32Array): Promise<Float32Array> {
    return this.#thread.ask('compare', { index: this.#index, rows: compact(rows), columns: compact(columns) })
  }

  async refresh(): Promise<void> {
    this.#reading = await this.#thread.call('read', { index: this.#index })
  }

  saveSnapshot(): Promise<boolean> {
    return this.#thread.call('save', { index: this.#index })
  }

  close({ erase = false } = {}): Promise<void> {
    return this.#thread.call('close', { index: this.#index, erase })
  }
}

/** Sending a view of a larger buffer would send all of the buffer, unless it is shared: then nothing is copied. */
function compact<Values extends Uint32Array | Float32Array>(values: Values): Values {
  return values.buffer instanceof SharedArrayBuffer || values.byteLength === values.buffer.byteLength ? values : (values.slice() as Values)
}
