/**
 * What each place of a picture adds to its embedding. The sessions that serve leave that output out, so that it costs
 * searches nothing; here one more session, of one picture at a time, is opened when it is first asked for, and closed
 * when nobody has asked for a while. It is the only one, so the memory is that of the model once more.
 */
import { join } from 'node:path'
import { AlikeError } from '../errors.js'
import type { Decoders } from '../image/decoders.js'
import type { Region } from '../image/region.js'
import { type Area, seenArea } from '../image/seen-area.js'
import type { Embedder, EmbedderLogger } from './embedder.js'
import { rowOf } from './embedding.js'
import type { PlaceMap } from './place-scores.js'
import { Session } from './session.js'
import type { SessionSettings } from './worker-protocol.js'

export interface PlaceMapsOptions {
  /** Its model in the same precision is asked: other precisions have other embeddings. */
  embedder: Pick<Embedder, 'model' | 'runtime'>
  decoders: Decoders
  /** Largest width × height. */
  maxPixels: number
  /** Pictures that may be at work or wait. */
  maxQueue: number
  /** After the last picture. */
  idleMs: number
  logger: EmbedderLogger
  /** The session was opened. */
  onOpen?: (() => void) | undefined
}

export interface SeenImage extends PlaceMap {
  /** What the places lie over: all that the model saw. */
  area: Area
}

export class PlaceMaps {
  readonly #options: PlaceMapsOptions
  readonly #settings: SessionSettings
  #session: Session | undefined
  /** Set once the graph was seen to have no map. */
  #unsupported = false
  /** Ends when the last turn has ended: the session does one thing at a time. */
  #last: Promise<unknown> = Promise.resolve()
  readonly #underWay = new Set<Promise<unknown>>()
  #idle: NodeJS.Timeout | undefined
  #closing: Promise<void> | undefined

  constructor(options: PlaceMapsOptions) {
    const { model, runtime } = options.embedder
    this.#options = options
    this.#settings = {
      modelPath: join(model.folder, model.manifest.files[runtime.precision]!.file),
      // a few pictures a minute are not worth the memory of a GPU
      provider: 'cpu',
      inputSize: model.manifest.preprocessing.inputSize,
      batchSizes: [1],
      map: true,
    }
  }

  /** Pictures at work or waiting. */
  get depth(): number {
    return this.#underWay.size
  }

  /** Whether the session is in memory. */
  get isOpen(): boolean {
    return this.#session !== undefined
  }

  /**
   * The usual view of a picture file, or of a region of it.
   * @throws AlikeError `explain_unsupported`, `image_*`, `region_invalid`, `overloaded`, `shutting_down`, `internal`; the
   * signal's reason when aborted
   */
  async look(
    bytes: Uint8Array,
    { region, signal }: { region?: Region | undefined; signal?: AbortSignal | undefined } = {},
  ): Promise<SeenImage> {
    this.#expectAble()
    if (this.depth >= this.#options.maxQueue)
      throw new AlikeError('overloaded', { detail: 'Too many explanations are under way.', retryAfterSeconds: 1 })
    clearTimeout(this.#idle)
    const looking = this.#look(bytes, region, signal)
    this.#underWay.add(looking)
    try {
      return await looking
    } finally {
      this.#underWay.delete(looking)
      if (this.depth === 0) this.#closeLater()
    }
  }

  async #look(bytes: Uint8Array, region: Region | undefined, signal: AbortSignal | undefined): Promise<SeenImage> {
    const { embedder, decoders, maxPixels } = this.#options
    const { preprocessing } = embedder.model.manifest
    const prepared = await decoders.prepare(bytes, { preprocessing, maxPixels, signal, ...(region && { region }) })
    const map = await this.#inTurn(() => {
      signal?.throwIfAborted()
      return this.#run(prepared.pixels)
    })
    return { ...map, area: seenArea(prepared, preprocessing, region) }
  }

  /** Finishes what was begun. */
  close(): Promise<void> {
    clearTimeout(this.#idle)
    this.#closing ??= (async () => {
      await Promise.allSettled(this.#underWay)
      await this.#closeSession()
    })()
    return this.#closing
  }

  #expectAble(): void {
    if (this.#closing !== undefined) throw new AlikeError('shutting_down')
    if (this.#unsupported) throw new AlikeError('explain_unsupported')
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#last.then(work)
    this.#last = done.catch(() => {})
    return done
  }

  async #run(pixels: Uint8Array): Promise<PlaceMap> {
    const session = await this.#opened()
    let result: Awaited<ReturnType<Session['run']>>
    try {
      result = await session.run([pixels], 1)
    } catch (cause) {
      throw new AlikeError('internal', { detail: 'The model could not be run on this picture.', cause })
    }
    const found = rowOf(result, 0, 1)
    if (found === undefined || result.map === undefined)
      throw new AlikeError('internal', { detail: 'The model gave no usable embedding for this picture.' })
    return { vector: found.vector, ...result.map }
  }

  async #opened(): Promise<Session> {
    if (this.#session?.alive === true) return this.#session
    this.#expectSupported()
    const { session, info } = await Session.open(this.#settings).catch((cause: unknown) => {
      throw new AlikeError('internal', { detail: 'The model that explains could not be opened.', cause })
    })
    this.#options.onOpen?.()
    if (!info.hasMap) {
      this.#unsupported = true
      await session.close()
      this.#expectSupported()
    }
    this.#options.logger.info({ warmupMs: info.warmupMs }, 'the model that explains scores is in memory')
    this.#session = session
    void session.ended.then(() => {
      if (this.#session === session) this.#session = undefined
    })
    return session
  }

  /** @throws AlikeError `explain_unsupported` */
  #expectSupported(): void {
    if (this.#unsupported) throw new AlikeError('explain_unsupported')
  }

  #closeLater(): void {
    if (this.#closing !== undefined) return
    this.#idle = setTimeout(
      () => void this.#inTurn(async () => this.depth === 0 && this.#closeSession()),
      this.#options.idleMs,
    ).unref()
  }

  async #closeSession(): Promise<void> {
    const session = this.#session
    this.#session = undefined
    if (session?.alive === true) await session.close()
  }
}
