/** The main thread's side of one index thread, which holds one part of every gallery's index. */
import { AlikeError } from '../../../errors.js'
import { CalledThread } from '../../../worker-calls/called-thread.js'
import type { IndexCalls, IndexThreadData, OpenedIndex } from './index-protocol.js'
import { unpackedList } from './packed-neighbours.js'
import type { SearchQueue } from './search-queue.js'
import type {
  IndexReading,
  IndexSettings,
  NeighboursRequest,
  SearchRequest,
  SlotNeighbours,
  SlotVectors,
  TimedSearchResult,
  VectorIndex,
} from './vector-index.js'

export interface IndexThreadOptions {
  /** `exactBelow` and `tombstoneMinimum` apply to one part. */
  settings: IndexSettings
  /** 0 to settings.parts − 1 */
  part: number
  /** Shared by all threads. */
  queue: SearchQueue
  /** Called once when the thread dies; later calls are rejected. */
  onFailure(error: AlikeError): void
}

export interface PartOptions {
  dimension: number
  /** From the truth, taken before its vectors are read. */
  nextSlot: number
  graphCache: { folder: string; galleryUid: string; modelId: string }
}

export class IndexThread {
  readonly #thread: CalledThread<IndexCalls>
  readonly #queue: SearchQueue
  #lastIndex = 0

  constructor({ settings, part, queue, onFailure }: IndexThreadOptions) {
    this.#queue = queue
    this.#thread = new CalledThread<IndexCalls>({
      name: 'index',
      file: new URL('./index-worker.js', import.meta.url),
      data: { settings, part } satisfies IndexThreadData,
      startsWhenCalled: true,
      onFailure,
    })
  }

  /** Creates an index that is to `take` its vectors and then `start`. */
  async begin({ dimension, nextSlot, graphCache }: PartOptions): Promise<{ part: IndexPart; opened: OpenedIndex }> {
    const index = ++this.#lastIndex
    const opened = await this.#thread.call('open', { index, dimension, nextSlot, graphCache })
    return { part: new IndexPart(this.#thread, { index, dimension, queue: this.#queue }), opened }
  }

  close(): Promise<void> {
    return this.#thread.close()
  }
}

const nothingYet: IndexReading = { size: 0, tombstones: 0, pending: 0, building: false, rebuilds: 0 }

/** One part of a gallery's index, or the whole index if there is only one part. */
export class IndexPart implements VectorIndex {
  readonly #thread: CalledThread<IndexCalls>
  readonly #index: number
  readonly #dimension: number
  readonly #queue: SearchQueue
  #reading = nothingYet

  constructor(
    thread: CalledThread<IndexCalls>,
    { index, dimension, queue }: { index: number; dimension: number; queue: SearchQueue },
  ) {
    this.#thread = thread
    this.#index = index
    this.#dimension = dimension
    this.#queue = queue
  }

  get reading(): IndexReading {
    return this.#reading
  }

  async add({ slots, vectors }: SlotVectors): Promise<void> {
    if (vectors.length !== slots.length * this.#dimension) throw new AlikeError('dimension_mismatch')
    this.#reading = await this.#thread.call('add', {
      index: this.#index,
      slots: compact(slots),
      vectors: compact(vectors),
    })
  }

  /** Like `add`, but transfers buffers that the caller no longer needs to the thread. */
  async take({ slots, vectors }: SlotVectors): Promise<void> {
    this.#reading = await this.#thread.call('add', { index: this.#index, slots, vectors }, [
      slots.buffer,
      vectors.buffer,
    ] as ArrayBuffer[])
  }

  /** Call it once, when the index has every live vector. False if its graph cache did not match these vectors. */
  async start(): Promise<boolean> {
    const { reading, graphCacheFits } = await this.#thread.call('start', { index: this.#index })
    this.#reading = reading
    return graphCacheFits
  }

  async remove(slots: Uint32Array): Promise<void> {
    this.#reading = await this.#thread.call('remove', { index: this.#index, slots: compact(slots) })
  }

  search(request: SearchRequest): Promise<TimedSearchResult> {
    return this.#queue.pass(() => this.searchNow(request))
  }

  /** Like `search`, for callers already admitted by the queue. */
  async searchNow(request: SearchRequest): Promise<TimedSearchResult> {
    if (request.vector.length !== this.#dimension) throw new AlikeError('dimension_mismatch')
    const startedAt = performance.now()
    const { vector, allow, ...rest } = request
    const { reading, neighbours, ...result } = await this.#thread.call('search', {
      ...rest,
      index: this.#index,
      vector: compact(vector),
      allow: allow && compact(allow),
    })
    this.#reading = reading
    return { ...result, neighbours: unpackedList(neighbours), durationMs: performance.now() - startedAt }
  }

  async neighbours({ slots, ...rest }: NeighboursRequest): Promise<SlotNeighbours> {
    const { reading, ...found } = await this.#thread.call('neighbours', {
      ...rest,
      index: this.#index,
      slots: compact(slots),
    })
    this.#reading = reading
    return found
  }

  compare(rows: Uint32Array, columns: Uint32Array): Promise<Float32Array> {
    return this.#queue.pass(() =>
      this.#thread.call('compare', { index: this.#index, rows: compact(rows), columns: compact(columns) }),
    )
  }

  /** Vectors of the slots that are live, in the order requested. */
  vectors(slots: Uint32Array): Promise<SlotVectors> {
    return this.#thread.call('vectors', { index: this.#index, slots: compact(slots) })
  }

  /** [n, columns] scores of n vectors with stored ones, as in `compare`. @param vectors [n, dimension] */
  compareVectors(vectors: Float32Array, columns: Uint32Array): Promise<Float32Array> {
    return this.#thread.call('compareVectors', {
      index: this.#index,
      vectors: compact(vectors),
      columns: compact(columns),
    })
  }

  async refresh(): Promise<void> {
    this.#reading = await this.#thread.call('read', { index: this.#index })
  }

  saveGraphCache(): Promise<boolean> {
    return this.#thread.call('save', { index: this.#index })
  }

  close({ erase = false } = {}): Promise<void> {
    return this.#thread.call('close', { index: this.#index, erase })
  }
}

/** Posting a view of a larger buffer would send the whole buffer, unless it is shared: then nothing is copied. */
function compact<Values extends Uint32Array | Float32Array>(values: Values): Values {
  return values.buffer instanceof SharedArrayBuffer || values.byteLength === values.buffer.byteLength
    ? values
    : (values.slice() as Values)
}
