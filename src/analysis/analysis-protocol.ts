/** Every call that an analysis' thread answers. One thread serves one job, so it remembers what came before. */
import type { ScanSource } from '../gallery/scan.js'
import type { GalleryLayout } from './findings/layout.js'
import type { DoctorReport, DuplicateReport, QualityReport } from './findings/reports.js'
import type { Answered } from './findings/settled.js'
import type { JudgedHit } from './findings/verdicts.js'

/** Given to the thread when it is started. */
export interface AnalysisThreadData {
  /** See `RunControl`. */
  control: SharedArrayBuffer
}

export type AnalysisCalls = {
  /** First. @param answered by decisions. Answers the numbers of all pictures in the scan, by id. */
  load: {
    request: { source: ScanSource; answered: readonly Answered[]; vectors: boolean; descriptors: boolean }
    reply: Uint32Array
  }
  /** Draws pictures for `recall` and finds their true neighbours; answers their numbers. */
  truths: { request: { size: number; seed: number; k: number }; reply: Uint32Array }
  /** What the index found for the pictures of `truths`: [n] counts, [n, k] scores. */
  recall: { request: { counts: Uint32Array; scores: Float32Array; k: number }; reply: number | null }
  /** What people said of hits, before `quality`; as often as there is more. */
  judgements: { request: readonly JudgedHit[]; reply: void }
  /** Last of an evaluation: it moves the vectors. */
  quality: { request: { sample: number; seed: number; duplicateScore?: number }; reply: QualityReport }
  /** Before `neighbours`. @param depth neighbours kept of each picture */
  gather: { request: { depth: number }; reply: void }
  /** What the index found for these pictures. */
  neighbours: {
    request: { asked: Uint32Array; k: number; counts: Uint32Array; numbers: Uint32Array; scores: Float32Array }
    reply: void
  }
  duplicates: { request: { duplicateScore: number; limit: number }; reply: DuplicateReport }
  layout: {
    request: { sample: number; neighbours: number; seed: number }
    reply: { ids: string[]; layout: GalleryLayout }
  }
  doctor: { request: { k: number; duplicateScore: number; limit: number }; reply: DoctorReport }
}
