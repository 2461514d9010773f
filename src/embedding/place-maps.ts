/**
 * The contribution of each cell of a picture to its embedding. The serving sessions leave that output out, so that
 * searches do not pay for it; here one additional session, for one picture at a time, is opened on first use and closed
 * when idle. There is only one, so it takes the memory of one more model.
 */
import { AlikeError } from '../errors.js'
import type { Decoders } from '../image/decoders.js'
import type { Region } from '../image/region.js'
import { type Area, seenArea } from '../image/seen-area.js'
import { OneAfterAnother } from '../one-after-another.js'
import type { Embedder, EmbedderLogger } from './embedder.js'
import { rowOf } from './embedding.js'
import { type Model, networkFile, type Precision } from './model-manifest.js'
import type { PlaceMap } from './place-scores.js'
import { Session } from './session.js'
import type { SessionSettings } from './worker-protocol.js'

export interface PlaceMapsOptions {
  /** The serving precision is used, because other precisions give other embeddings. */
  models: {
    use<Result>(id: string, work: (embedder: Pick<Embedder, 'model' | 'runtime'>) => Promise<Result>): Promise<Result>
  }
  decoders: Decoders
  /** Maximum width × height. */
  maxPixels: number
  /** Pictures that may be in progress or waiting. */
  maxQueue: number
  /** Idle time after which the session is closed. */
  idleMs: number
  logger: EmbedderLogger
  /** Called when the session has been opened, for a metric. */
  onOpen?: (() => void) | undefined
}

export interface SeenImage extends PlaceMap {
  /** The area that the cells cover: all that the model saw. */
  area: Area
}

export class PlaceMaps {
  readonly #options: PlaceMapsOptions
  #session: { modelId: string; session: Session } | undefined
  /** Ids of models whose graph has no map. */
  readonly #unsupported = new Set<string>()
  /** The session handles one picture at a time. */
  readonly #turns = new OneAfterAnother()
  readonly #underWay = new Set<Promise<unknown>>()
  #idle: NodeJS.Timeout | undefined
  #closing: Promise<void> | undefined

  constructor(options: PlaceMapsOptions) {
    this.#options = options
  }

  /** Pictures in progress or waiting. */
  get depth(): number {
    return this.#underWay.size
  }

  /** Whether the session is in memory. */
  get isOpen(): boolean {
    return this.#session !== undefined
  }

  /**
   * The standard view of a picture file, or of a region of it.
   * @throws AlikeError `explain_unsupported`, `image_*`, `region_invalid`, `overloaded`, `shutting_down`, `internal`;
   * the signal's reason when aborted
   */
  async look(
    bytes: Uint8Array,
    { modelId, region, signal }: { modelId: string; region?: Region | undefined; signal?: AbortSignal | undefined },
  ): Promise<SeenImage> {
    this.#expectAble(modelId)
    if (this.depth >= this.#options.maxQueue)
      throw new AlikeError('overloaded', { detail: 'Too many explanations are in progress.', retryAfterSeconds: 1 })
    clearTimeout(this.#idle)
    const looking = this.#options.models.use(modelId, (embedder) => this.#look(bytes, embedder, region, signal))
    this.#underWay.add(looking)
    try {
      return await looking
    } finally {
      this.#underWay.delete(looking)
      if (this.depth === 0) this.#closeLater()
    }
  }

  async #look(
    bytes: Uint8Array,
    embedder: Pick<Embedder, 'model' | 'runtime'>,
    region: Region | undefined,
    signal: AbortSignal | undefined,
  ): Promise<SeenImage> {
    const { decoders, maxPixels } = this.#options
    const { preprocessing } = embedder.model.manifest
    const prepared = await decoders.prepare(bytes, { preprocessing, maxPixels, signal, region })
    const map = await this.#turns.run(() => {
      signal?.throwIfAborted()
      return this.#run(prepared.pixels, embedder)
    })
    return { ...map, area: seenArea(prepared, preprocessing, region) }
  }

  /** Finishes the picture in progress. */
  close(): Promise<void> {
    clearTimeout(this.#idle)
    this.#closing ??= (async () => {
      await Promise.allSettled(this.#underWay)
      await this.#closeSession()
    })()
    return this.#closing
  }

  #expectAble(modelId: string): void {
    if (this.#closing !== undefined) throw new AlikeError('shutting_down')
    this.#expectSupported(modelId)
  }

  async #run(pixels: Uint8Array, embedder: Pick<Embedder, 'model' | 'runtime'>): Promise<PlaceMap> {
    const session = await this.#opened(embedder)
    let result: Awaited<ReturnType<Session['run']>>
    try {
      result = await session.run([pixels], 1)
    } catch (cause) {
      throw new AlikeError('internal', { detail: 'The model failed on this picture.', cause })
    }
    const found = rowOf(result, 0, 1)
    if (found === undefined || result.map === undefined)
      throw new AlikeError('internal', { detail: 'The model returned no usable embedding for this picture.' })
    return { vector: found.vector, ...result.map }
  }

  async #opened({ model, runtime }: Pick<Embedder, 'model' | 'runtime'>): Promise<Session> {
    const modelId = model.manifest.id
    if (this.#session?.modelId === modelId && this.#session.session.alive) return this.#session.session
    this.#expectSupported(modelId)
    await this.#closeSession()
    const { session, info } = await Session.open(settingsOf(model, runtime.precision)).catch((cause: unknown) => {
      throw new AlikeError('internal', { detail: 'The model with its map output could not be opened.', cause })
    })
    this.#options.onOpen?.()
    if (!info.hasMap) {
      this.#unsupported.add(modelId)
      await session.close()
      this.#expectSupported(modelId)
    }
    this.#options.logger.info({ warmupMs: info.warmupMs }, 'the model that explains scores has been loaded')
    this.#session = { modelId, session }
    void session.ended.then(() => {
      if (this.#session?.session === session) this.#session = undefined
    })
    return session
  }

  /** @throws AlikeError `explain_unsupported` */
  #expectSupported(modelId: string): void {
    if (this.#unsupported.has(modelId)) throw new AlikeError('explain_unsupported')
  }

  #closeLater(): void {
    if (this.#closing !== undefined) return
    this.#idle = setTimeout(
      () => void this.#turns.run(async () => this.depth === 0 && this.#closeSession()),
      this.#options.idleMs,
    ).unref()
  }

  async #closeSession(): Promise<void> {
    const open = this.#session
    this.#session = undefined
    if (open?.session.alive === true) await open.session.close()
  }
}

function settingsOf(model: Model, precision: Precision): SessionSettings {
  return {
    modelPath: networkFile(model, precision)!,
    // a few pictures per minute are not worth GPU memory
    provider: 'cpu',
    inputSize: model.manifest.preprocessing.inputSize,
    batchSizes: [1],
    map: true,
  }
}
