/** Choices made on validation pictures. */
import { evaluateRetrieval } from '../../eval/quality.js'
import type { LabelledEmbeddings } from '../../eval/ranking.js'

/** Null if no two pictures share a label. */
export function mAP10Of(val: LabelledEmbeddings): number | null {
  return evaluateRetrieval(val, val, { bootstrapSamples: 0 }).overall['mAP@10'] ?? null
}

/** The candidate with the highest mAP@10; the first of equal ones, or of all if it is unknown. */
export function bestOf<Candidate extends { mAP10: number | null }>(tried: readonly Candidate[]): Candidate {
  return tried.reduce((best, next) => ((next.mAP10 ?? 0) > (best.mAP10 ?? 0) ? next : best))
}
