/** Query drift per model: the default one from the start, others from their first query. */
import type { DriftReading, QueryDrift } from './query-drift.js'

export interface ModelDriftOptions {
  standard: QueryDrift
  /** For a model other than the default one. */
  open(modelId: string): Promise<QueryDrift>
  /** Maximum besides the default one; the least recently used model is dropped, with its window. */
  othersMax: number
}

export interface ModelDriftReading extends DriftReading {
  modelId: string
}

export class ModelDrift {
  readonly #options: ModelDriftOptions
  /** Least recently used first. */
  readonly #others = new Map<string, Promise<QueryDrift>>()
  readonly #opened = new Map<string, QueryDrift>()

  constructor(options: ModelDriftOptions) {
    this.#options = options
  }

  /** See `QueryDrift`. */
  get expectedPSame(): number | undefined {
    return this.#options.standard.expectedPSame
  }

  /** Called with the best hit of a query that this model has answered. */
  observe(modelId: string, score: number): void {
    const { standard } = this.#options
    if (modelId === standard.modelId) standard.observe(score)
    else void this.#of(modelId).then((drift) => drift.observe(score))
  }

  readings(): ModelDriftReading[] {
    return [this.#options.standard, ...this.#opened.values()].flatMap((drift) =>
      drift.readings().map((reading) => ({ ...reading, modelId: drift.modelId })),
    )
  }

  #of(modelId: string): Promise<QueryDrift> {
    const { open, othersMax } = this.#options
    const known = this.#others.get(modelId)
    const drift = known ?? open(modelId)
    this.#others.delete(modelId)
    this.#others.set(modelId, drift)
    if (known !== undefined) return drift
    if (this.#others.size > othersMax) {
      const [oldest = ''] = this.#others.keys()
      this.#others.delete(oldest)
      this.#opened.delete(oldest)
    }
    return drift.then((opened) => {
      if (this.#others.get(modelId) === drift) this.#opened.set(modelId, opened)
      return opened
    })
  }
}
