/** Evaluates retrieval on a gallery's own labels: each picture of a sample queries all others. */
import { evaluateRetrieval } from '../../eval/quality.js'
import { type LabelledEmbeddings, rowsAt } from '../../eval/ranking.js'
import { type CopyGroups, groupsOf } from './copy-groups.js'
import type { Images } from './images.js'
import { judgedQueries } from './judged-queries.js'
import type { QualityReport } from './quality-report.js'
import { drawSample } from './sample.js'

export interface EmbeddedImages extends Images {
  /** [n, dimension], unit length; rows of labelled pictures may be compacted in place. */
  vectors: Float32Array
  dimension: number
}

export interface EvaluationOptions {
  /** Maximum queries. */
  sample: number
  seed: number
  /** Pictures in the same group never count as hits of each other; default: groups of equal content. */
  copies?: CopyGroups | undefined
  /** The near-copy score used to build them, for the report. */
  duplicateScore?: number
  /** Number of best hits that expand each query. Default: none. */
  expand?: number | undefined
  /** Called with the number of queries before the first, and after each; throwing ends the evaluation. */
  onSample?(queries: number): void
  onQuery?(): void
}

/** Maximum labels in the report; those with the most queries are kept. */
const labelsMax = 1_000

/** Pictures without a label are excluded: an unjudged answer is neither right nor wrong. */
export function evaluateGallery(images: EmbeddedImages, options: EvaluationOptions): QualityReport {
  const { sample, seed, copies, duplicateScore, expand, onSample, onQuery } = options
  const labelled = labelledOnly(images, copies)
  const drawn = drawSample(labelled.ids.length, sample, seed)
  onSample?.(drawn.length)
  const queries = rowsAt(labelled, drawn)
  const judged = judgedQueries(queries.ids)
  const quality = evaluateRetrieval(queries, labelled, {
    seed,
    expand,
    onJudged: judged.add,
    onRanked: onQuery,
  })
  const perClass = Object.entries(quality.perClass)
  const shown = perClass.sort(([a, x], [b, y]) => y.queries - x.queries || (a < b ? -1 : 1)).slice(0, labelsMax)
  return {
    pictures: images.ids.length,
    labelled: labelled.ids.length,
    sampled: drawn.length,
    seed,
    duplicateScore: duplicateScore ?? null,
    ...(expand !== undefined && { expand }),
    queries: quality.queries,
    queriesWithoutRelevant: quality.queriesWithoutRelevant,
    overall: { ...quality.overall },
    intervals: quality.intervals,
    perLabel: shown.map(([label, { queries, ...numbers }]) => ({ label, queries, ...numbers })),
    labelsLeftOut: perClass.length - shown.length,
    ...judged.report(),
  }
}

function labelledOnly(
  { ids, labels, contentHashes, vectors, dimension }: EmbeddedImages,
  copies: CopyGroups | undefined,
): LabelledEmbeddings {
  const kept = Array.from(ids.keys()).filter((position) => labels[position] !== null)
  // in place, because a copy could take gigabytes
  kept.forEach((from, to) => vectors.copyWithin(to * dimension, from * dimension, (from + 1) * dimension))
  return {
    ids: kept.map((position) => ids[position]!),
    labels: kept.map((position) => labels[position]!),
    groups: kept.map(groupsOf(contentHashes, copies)),
    embeddings: vectors.subarray(0, kept.length * dimension),
    dimension,
  }
}
