/** Retrieval on a gallery's own labels: each picture of a sample is the query, all others are the gallery. */
import { evaluateRetrieval } from '../../eval/quality.js'
import type { LabelledEmbeddings } from '../../eval/ranking.js'
import type { CopyGroups } from './copy-groups.js'
import type { Images } from './images.js'
import { judgedQueries } from './judged-queries.js'
import type { QualityReport } from './reports.js'
import { drawSample } from './sample.js'

export interface EmbeddedImages extends Images {
  /** [n, dimension], unit length; rows of labelled pictures may be moved together. */
  vectors: Float32Array
  dimension: number
}

export interface EvaluationOptions {
  /** Most queries. */
  sample: number
  seed: number
  /** Pictures of one of these groups never count as hits of each other; left out: those of equal content. */
  copies?: CopyGroups
  /** The near-copy score that they were made with, for the report. */
  duplicateScore?: number
  /** Called with the number of queries before the first, and after each; what it throws ends it. */
  onSample?(queries: number): void
  onQuery?(): void
}

/** Labels in the report; those with most queries when there are more. */
const labelsMax = 1_000

/** Pictures without a label are left out: an answer that nobody has judged is neither right nor wrong. */
export function evaluateGallery(images: EmbeddedImages, options: EvaluationOptions): QualityReport {
  const { sample, seed, copies, duplicateScore, onSample, onQuery } = options
  const labelled = labelledOnly(images, copies)
  const drawn = drawSample(labelled.ids.length, sample, seed)
  onSample?.(drawn.length)
  const queries = rowsOf(labelled, drawn)
  const judged = judgedQueries(queries.ids)
  const quality = evaluateRetrieval(queries, labelled, {
    seed,
    onJudged: judged.add,
    ...(onQuery && { onRanked: onQuery }),
  })
  const perClass = Object.entries(quality.perClass)
  const shown = perClass.sort(([a, x], [b, y]) => y.queries - x.queries || (a < b ? -1 : 1)).slice(0, labelsMax)
  return {
    pictures: images.ids.length,
    labelled: labelled.ids.length,
    sampled: drawn.length,
    seed,
    duplicateScore: duplicateScore ?? null,
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
  // in place: a second copy could be gigabytes
  kept.forEach((from, to) => vectors.copyWithin(to * dimension, from * dimension, (from + 1) * dimension))
  return {
    ids: kept.map((position) => ids[position]!),
    labels: kept.map((position) => labels[position]!),
    groups: kept.map((position) =>
      copies === undefined ? contentHashes[position]! : String(copies.groupOf(position)),
    ),
    embeddings: vectors.subarray(0, kept.length * dimension),
    dimension,
  }
}

function rowsOf(
  { ids, labels, groups, embeddings, dimension }: LabelledEmbeddings,
  positions: Uint32Array,
): LabelledEmbeddings {
  const rows = new Float32Array(positions.length * dimension)
  positions.forEach((position, i) =>
    rows.set(embeddings.subarray(position * dimension, (position + 1) * dimension), i * dimension),
  )
  const at = Array.from(positions)
  return {
    ids: at.map((i) => ids[i]!),
    labels: at.map((i) => labels[i]!),
    groups: at.map((i) => groups[i]!),
    embeddings: rows,
    dimension,
  }
}
