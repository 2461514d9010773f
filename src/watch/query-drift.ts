/**
 * Detects whether queries still resemble those the network was calibrated on: compares the score and `pSame` of each
 * best hit with the first queries answered by this model here, and with the pairs of its calibration.
 */
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { probabilitySameLabel, type ScoreCalibration } from '../eval/score-calibration.js'
import { partOf, parts, stabilityIndex } from './distribution.js'

export interface QueryDriftOptions {
  /** Where the baseline survives a restart. */
  dataDir: string
  modelId: string
  /** Default `query-baseline.json`, for the default model. */
  file?: string | undefined
  calibration?: ScoreCalibration | undefined
  /** Number of queries in the baseline, and in the window compared with it. */
  queries: number
  onBest(score: number, pSame: number | undefined): void
  logger: { warn(facts: object, message: string): void }
}

export interface DriftReading {
  of: 'score' | 'p_same'
  /** `baseline`: the first queries of this model here; `calibration`: its pairs with the same label. */
  reference: 'baseline' | 'calibration'
  psi: number
}

interface Baseline {
  modelId: string
  score: number[]
  pSame: number[]
  count: number
}

const fileOfStandard = 'query-baseline.json'

export class QueryDrift {
  readonly #options: QueryDriftOptions
  readonly #matching: readonly number[] | undefined
  #baseline: Baseline
  /** The most recent queries, oldest first. */
  readonly #window: { score: number; pSame: number }[] = []

  private constructor(options: QueryDriftOptions, baseline: Baseline) {
    this.#options = options
    this.#baseline = baseline
    this.#matching = options.calibration && matchingPairs(options.calibration)
  }

  /** A baseline that is unreadable, or of another model, is replaced. */
  static async open(options: QueryDriftOptions): Promise<QueryDrift> {
    const kept = await readFile(join(options.dataDir, options.file ?? fileOfStandard), 'utf8').then(
      (text) => baselineOf(text),
      () => undefined,
    )
    const empty = () => new Array<number>(parts).fill(0)
    const fresh = { modelId: options.modelId, score: empty(), pSame: empty(), count: 0 }
    return new QueryDrift(options, kept?.modelId === options.modelId ? kept : fresh)
  }

  /** The model whose queries are watched. */
  get modelId(): string {
    return this.#options.modelId
  }

  /** Called with the best hit of a query. */
  observe(score: number): void {
    const { calibration, queries, onBest } = this.#options
    const pSame = calibration && probabilitySameLabel(calibration, score)
    onBest(score, pSame)
    const at = { score: partOf(score), pSame: partOf(pSame ?? 0) }
    if (this.#baseline.count < queries) {
      this.#baseline.score[at.score]! += 1
      this.#baseline.pSame[at.pSame]! += 1
      this.#baseline.count += 1
      if (this.#baseline.count === queries) void this.#keep()
    }
    this.#window.push(at)
    if (this.#window.length > queries) this.#window.shift()
  }

  /** Empty until there are enough queries for a comparison. */
  readings(): DriftReading[] {
    const { queries, calibration } = this.#options
    if (this.#window.length < queries) return []
    const counts = (of: 'score' | 'pSame') => {
      const found = new Array<number>(parts).fill(0)
      for (const query of this.#window) found[query[of]]! += 1
      return found
    }
    const readings: DriftReading[] = [
      { of: 'score', reference: 'baseline', psi: stabilityIndex(this.#baseline.score, counts('score')) },
    ]
    if (calibration === undefined || this.#matching === undefined) return readings
    const pSame = counts('pSame')
    return [
      ...readings,
      { of: 'p_same', reference: 'baseline', psi: stabilityIndex(this.#baseline.pSame, pSame) },
      { of: 'p_same', reference: 'calibration', psi: stabilityIndex(this.#matching, pSame) },
    ]
  }

  /** Mean `pSame` of the calibration's pairs with the same label: a best hit should not be worse. */
  get expectedPSame(): number | undefined {
    return this.#options.calibration && meanOfMatching(this.#options.calibration)
  }

  async #keep(): Promise<void> {
    const { dataDir, file = fileOfStandard } = this.#options
    const path = join(dataDir, file)
    try {
      await writeFile(`${path}.new`, JSON.stringify(this.#baseline))
      await rename(`${path}.new`, path)
    } catch (err) {
      this.#options.logger.warn({ err }, 'the query baseline could not be stored: the next start creates another')
    }
  }
}

function baselineOf(text: string): Baseline | undefined {
  try {
    const given = JSON.parse(text) as Partial<Baseline>
    const isList = (list: unknown) =>
      Array.isArray(list) && list.length === parts && list.every((count) => Number.isSafeInteger(count) && count >= 0)
    if (!isList(given.score) || !isList(given.pSame) || !Number.isSafeInteger(given.count)) return undefined
    return given as Baseline
  } catch {
    return undefined
  }
}

/** Pairs with the same label by predicted probability. */
function matchingPairs({ reliability }: ScoreCalibration): number[] {
  const counts = new Array<number>(parts).fill(0)
  for (const { stated, found, pairs } of reliability) counts[partOf(stated)]! += found * pairs
  return counts
}

function meanOfMatching({ reliability }: ScoreCalibration): number | undefined {
  const matching = reliability.reduce((sum, { found, pairs }) => sum + found * pairs, 0)
  if (matching === 0) return undefined
  return reliability.reduce((sum, { stated, found, pairs }) => sum + stated * found * pairs, 0) / matching
}
