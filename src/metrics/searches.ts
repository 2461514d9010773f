/** Metrics of queries: duration, kind of answer, and quality. */
import { Histogram, type Registry } from 'prom-client'
import { counters } from './instruments.js'

/** The stages of a query in order; `total` is all of it. */
export const stages = ['decode', 'queue', 'embed', 'search', 'total'] as const
export type Stage = (typeof stages)[number]

export interface SearchInstruments {
  observeStage(stage: Stage, durationMs: number): void
  countSearch(method: 'exact' | 'hnsw'): void
  /** A ranking was dropped before its last page was requested. */
  countRankingDrop(reason: 'expired' | 'displaced'): void
  /** The model for explanations was loaded into memory. */
  countExplainOpen(): void
  /** The best hit of a query. @param pSame if the model is calibrated */
  observeBest(score: number, pSame: number | undefined): void
  /** A search was repeated exactly: how many of the best hits there are, and how many of them the graph had found. */
  countRecallSample(expected: number, found: number): void
  countRecallSampleFailure(): void
  /** A search was also run on the other embedding set. */
  countShadow(shown: number, same: number, searchMs: number): void
  countShadowFailure(): void
}

/** Upper bounds in seconds, 1 ms to 5 s, about 1.6× apart: a p95 read from them is off by less than that. */
const durationBucketsSeconds = [
  0.001, 0.002, 0.003, 0.005, 0.008, 0.012, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.3, 0.5, 0.8, 1.2, 2, 3, 5,
]
const shares = Array.from({ length: 20 }, (_, i) => (i + 1) / 20)

export function searchInstruments(registry: Registry): SearchInstruments {
  const stageDuration = new Histogram({
    name: 'alike_stage_duration_seconds',
    help: 'Time that a query spent in each stage: decode, queue, embed, search, and total.',
    labelNames: ['stage'] as const,
    buckets: durationBucketsSeconds,
    registers: [registry],
  })
  for (const stage of stages) stageDuration.zero({ stage })
  const { searches, rankingDrops, explainOpens } = counters(registry, {
    searches: [
      'alike_searches_total',
      'Searches answered, by the method that found the neighbours (exact scan or hnsw graph).',
      { method: ['exact', 'hnsw'] },
    ],
    rankingDrops: [
      'alike_page_rankings_dropped_total',
      'Rankings dropped before their last page was requested: expired, or displaced by others.',
      { reason: ['expired', 'displaced'] },
    ],
    explainOpens: ['alike_explain_sessions_opened_total', 'Times the model that explains scores was loaded.'],
  })
  return {
    observeStage: (stage, durationMs) => stageDuration.observe({ stage }, durationMs / 1000),
    countSearch: (method) => searches.inc({ method }),
    countRankingDrop: (reason) => rankingDrops.inc({ reason }),
    countExplainOpen: () => explainOpens.inc(),
    ...bestHits(registry),
    ...repeatedSearches(registry),
  }
}

function bestHits(registry: Registry): Pick<SearchInstruments, 'observeBest'> {
  const shared = { buckets: shares, registers: [registry] }
  const bestScores = new Histogram({
    ...shared,
    name: 'alike_query_best_score',
    help: 'Score of the best hit of each query.',
  })
  const bestPSame = new Histogram({
    ...shared,
    name: 'alike_query_best_p_same',
    help: 'Calibrated probability that the best hit of a query shares its label.',
  })
  return {
    observeBest(score, pSame) {
      bestScores.observe(score)
      if (pSame !== undefined) bestPSame.observe(pSame)
    },
  }
}

/** Searches repeated in the background for comparison. */
function repeatedSearches(
  registry: Registry,
): Pick<SearchInstruments, 'countRecallSample' | 'countRecallSampleFailure' | 'countShadow' | 'countShadowFailure'> {
  const { shadows, shadowHits, recallSamples, recallHits } = counters(registry, {
    shadows: [
      'alike_shadow_searches_total',
      'Searches that were repeated in the other embedding set of their gallery.',
      { outcome: ['compared', 'failed'] },
    ],
    shadowHits: [
      'alike_shadow_hits_total',
      'Best hits of these searches, and how many of them are among the best hits of the other embedding set.',
      { of: null },
    ],
    recallSamples: [
      'alike_recall_samples_total',
      'Graph searches that were repeated exactly in the background, by outcome.',
      { outcome: ['compared', 'failed'] },
    ],
    recallHits: [
      'alike_recall_sample_hits_total',
      'Best hits of those searches by the exact scan (expected), and those of them that the graph found (found).',
      { of: ['expected', 'found'] },
    ],
  })
  const shadowSeconds = new Histogram({
    name: 'alike_shadow_search_seconds',
    help: 'Time the other embedding set took to find its best hits.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers: [registry],
  })
  return {
    countRecallSample(expected, found) {
      recallSamples.inc({ outcome: 'compared' })
      recallHits.inc({ of: 'expected' }, expected)
      recallHits.inc({ of: 'found' }, found)
    },
    countRecallSampleFailure: () => recallSamples.inc({ outcome: 'failed' }),
    countShadow(shown, same, searchMs) {
      shadows.inc({ outcome: 'compared' })
      shadowHits.inc({ of: 'shown' }, shown)
      shadowHits.inc({ of: 'same' }, same)
      shadowSeconds.observe(searchMs / 1000)
    },
    countShadowFailure: () => shadows.inc({ outcome: 'failed' }),
  }
}
