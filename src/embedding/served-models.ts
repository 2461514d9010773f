/**
 * Several models in one service. The default model is loaded from start to end; another one is loaded on first use and
 * unloaded when idle, so that memory holds only what is in use.
 */
import { AlikeError } from '../errors.js'
import type { Embedder, EmbedderLogger } from './embedder.js'
import type { ModelFolders } from './model-folders.js'
import type { Model } from './model-manifest.js'

export interface ServedModelsOptions {
  folders: ModelFolders
  /** Opens and verifies a model; see `proven-embedder.ts`. */
  open: (model: Model) => Promise<Embedder>
  /** Maximum number of models in memory, including the default one. */
  openMax: number
  /** Idle time after which a model is unloaded. */
  idleMs: number
  logger: EmbedderLogger
}

interface OpenModel {
  readonly opening: Promise<Embedder>
  /** Set once it is open. */
  embedder?: Embedder
  users: number
  usedAt: number
  idle?: NodeJS.Timeout
}

const onlyStandardDetail = 'MODELS_OPEN_MAX is 1, and the default model always stays in memory.'

export class ServedModels {
  readonly #options: ServedModelsOptions
  readonly #open = new Map<string, OpenModel>()
  /** Models being closed still take memory. */
  readonly #closing = new Set<Promise<void>>()
  #closed = false

  private constructor(options: ServedModelsOptions) {
    this.#options = options
  }

  /**
   * Resolves when the default model is open.
   * @throws AlikeError as `open`
   */
  static async open(options: ServedModelsOptions): Promise<ServedModels> {
    const models = new ServedModels(options)
    await models.#opened(options.folders.standard).opening
    return models
  }

  get folders(): ModelFolders {
    return this.#options.folders
  }

  /** What runs the model of `MODEL_DIR`. */
  get standard(): Embedder {
    return this.#open.get(this.folders.standard.manifest.id)!.embedder!
  }

  /** What runs a model now; undefined while it is not in memory. */
  running(id: string): Embedder | undefined {
    return this.#open.get(id)?.embedder
  }

  /** Number of models in memory. */
  get openCount(): number {
    return this.#open.size + this.#closing.size
  }

  /**
   * Runs the work with the model in memory, which is not unloaded before the work has finished.
   * @throws AlikeError `model_mismatch` for a missing model, `overloaded` while others hold the memory, `models_full` if
   * it only has room for the default model, `golden_mismatch`, `model_unreadable`
   */
  async use<Result>(id: string, work: (embedder: Embedder) => Promise<Result>): Promise<Result> {
    if (this.#closed) throw new AlikeError('shutting_down')
    const open = this.#opened(this.folders.served(id))
    clearTimeout(open.idle)
    open.users++
    try {
      return await work(open.embedder ?? (await open.opening))
    } finally {
      open.users--
      open.usedAt = performance.now()
      if (open.users === 0) this.#closeLater(id, open)
    }
  }

  /** Opens a model that is not served yet, which verifies it, and closes it again. @throws AlikeError as `open` does */
  async prove(model: Model): Promise<void> {
    await (await this.#options.open(model)).close()
  }

  /**
   * Unloads it, if nobody uses it.
   * @throws AlikeError `model_in_use`
   */
  async release(id: string): Promise<void> {
    const open = this.#open.get(id)
    if (open === undefined) return
    if (open.users > 0 || this.#isStandard(id)) throw new AlikeError('model_in_use')
    await this.#close(id, open)
  }

  /** Finishes accepted pictures. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#open].map(([id, open]) => this.#close(id, open)))
    await Promise.all(this.#closing)
  }

  #opened(model: Model): OpenModel {
    const { id, name } = model.manifest
    const known = this.#open.get(id)
    if (known !== undefined) return known
    const place = this.#makeRoom()
    const opening = place.then(() => this.#options.open(model))
    const open: OpenModel = { opening, users: 0, usedAt: performance.now() }
    this.#open.set(id, open)
    opening.then(
      (embedder) => {
        open.embedder = embedder
        if (!this.#isStandard(id)) this.#options.logger.info({ model: name, modelId: id }, 'model opened')
      },
      () => this.#open.delete(id), // the next caller tries again
    )
    return open
  }

  /** Unloads the least recently used model. @throws AlikeError `overloaded` if all are in use, `models_full` */
  #makeRoom(): Promise<unknown> {
    const { openMax } = this.#options
    if (this.#open.size < Math.max(openMax, 1)) return Promise.all(this.#closing)
    const idle = [...this.#open].filter(([id, { users }]) => users === 0 && !this.#isStandard(id))
    const [oldest] = idle.sort(([, a], [, b]) => a.usedAt - b.usedAt)
    if (openMax === 1) throw new AlikeError('models_full', { detail: onlyStandardDetail })
    if (oldest === undefined)
      throw new AlikeError('overloaded', { detail: 'Other models occupy the available memory.', retryAfterSeconds: 5 })
    return Promise.all([this.#close(...oldest), ...this.#closing])
  }

  #closeLater(id: string, open: OpenModel): void {
    if (this.#isStandard(id) || this.#open.get(id) !== open) return
    open.idle = setTimeout(() => void this.#close(id, open), this.#options.idleMs)
    open.idle.unref()
  }

  #close(id: string, open: OpenModel): Promise<void> {
    clearTimeout(open.idle)
    this.#open.delete(id)
    const closing = open.opening
      .then(
        (embedder) => embedder.close(),
        () => {},
      )
      .finally(() => this.#closing.delete(closing))
    this.#closing.add(closing)
    return closing
  }

  #isStandard(id: string): boolean {
    return id === this.folders.standard.manifest.id
  }
}
