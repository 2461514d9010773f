/** Query drift of each model that answers: the standard one from the start, others from their first query on. */
import type { DriftReading, QueryDrift } from './query-drift.js'

export interface ModelDriftOptions {
  standard: QueryDrift
  /** Of a model beside the standard one. */
  open(modelId: string): Promise<QueryDrift>
  /** Beside the standard one; the model whose queries are longest ago makes room, and its window with it. */
  othersMax: number
}

export interface ModelDriftReading extends DriftReading {
  modelId: string
}

export class ModelDrift {
  readonly #options: ModelDriftOptions
  /** The one asked last is last. */
  readonly #others = new Map<string, Promise<QueryDrift>>()
  readonly #opened = new Map<string, QueryDrift>()

  constructor(options: ModelDriftOptions) {
    this.#options = options
  }

  /** See `QueryDrift`. */
  get expectedPSame(): number | undefined {
    return this.#options.standard.expectedPSame
  }

  /** Told of the best hit of a query that this model has answered. */
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
