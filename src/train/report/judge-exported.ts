/** The quality numbers of an exported network, protocol by protocol. */
import { type ClassificationQuality, evaluateClassification } from '../../eval/classification.js'
import { evaluatePairs, type PairQuality } from '../../eval/pairs.js'
import { evaluateRetrieval, type QualityNumbers, type RetrievalQuality } from '../../eval/quality.js'
import type { ExportedEmbeddings } from './embed-exported.js'

/** States why something was not measured. */
export interface NotMeasured {
  notMeasured: string
}

export function isMeasured<T extends object>(value: T | NotMeasured): value is T {
  return !('notMeasured' in value)
}

export interface JudgedModel {
  protocols: {
    /** Every test picture queries the other test pictures. */
    A: RetrievalQuality | NotMeasured
    /** Test pictures query train and val, as in the service. */
    B: RetrievalQuality | NotMeasured
    /** Test pictures of untrained classes query each other. */
    C: RetrievalQuality | NotMeasured
  }
  /**
   * Protocol A with the query and its copies left in the gallery: only for comparison with published numbers, never for
   * evaluation.
   */
  seedCompat: { accuracy: number; overall: QualityNumbers } | NotMeasured
  classification: ClassificationQuality | NotMeasured
  /** All pairs of test pictures. */
  pairs: PairQuality | NotMeasured
}

/**
 * @param classes that the network was trained on, in the order of its logits
 * @param seed of the bootstrap
 */
export function judgeExported(
  classes: readonly string[],
  test: ExportedEmbeddings,
  trainAndVal: ExportedEmbeddings,
  seed: number,
): JudgedModel {
  const trained = new Set(classes)
  const seen = keep(test, classes.length, (label) => trained.has(label))
  const unseen = keep(test, classes.length, (label) => !trained.has(label))
  const none = { notMeasured: 'The data has no test pictures of the trained classes.' }
  const C =
    unseen.ids.length > 0
      ? evaluateRetrieval(unseen, unseen, { seed })
      : { notMeasured: 'Every class of the data was trained on; none was held out.' }
  if (seen.ids.length === 0)
    return { protocols: { A: none, B: none, C }, seedCompat: none, classification: none, pairs: none }
  const classification = evaluateClassification(seen.logits, seen.labels, classes, { seed })
  const leftIn = evaluateRetrieval(seen, seen, { seed, excludeOwnGroup: false, bootstrapSamples: 0 })
  return {
    protocols: { A: evaluateRetrieval(seen, seen, { seed }), B: evaluateRetrieval(seen, trainAndVal, { seed }), C },
    seedCompat: { accuracy: classification.accuracy, overall: leftIn.overall },
    classification,
    pairs: evaluatePairs(seen) ?? { notMeasured: 'The test pictures make no pairs of both kinds.' },
  }
}

function keep(all: ExportedEmbeddings, classCount: number, wanted: (label: string) => boolean): ExportedEmbeddings {
  const rows = all.labels.flatMap((label, row) => (wanted(label) ? [row] : []))
  const pick = <T>(values: readonly T[]) => rows.map((row) => values[row]!)
  return {
    ids: pick(all.ids),
    labels: pick(all.labels),
    groups: pick(all.groups),
    contentHashes: pick(all.contentHashes),
    embeddings: pickRows(all.embeddings, rows, all.dimension),
    logits: pickRows(all.logits, rows, classCount),
    dimension: all.dimension,
  }
}

function pickRows(values: Float32Array, rows: readonly number[], width: number): Float32Array {
  const picked = new Float32Array(rows.length * width)
  rows.forEach((row, i) => picked.set(values.subarray(row * width, (row + 1) * width), i * width))
  return picked
}
