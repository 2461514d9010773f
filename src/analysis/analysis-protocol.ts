/** Calls to an analysis thread. One thread serves one job, so it remembers previous calls. */
import type { ScanSource } from '../gallery/scan.js'
import type { DoctorReport, DuplicateReport } from './findings/doctor-report.js'
import type { GalleryLayout } from './findings/layout.js'
import type { QualityReport } from './findings/quality-report.js'
import type { Answered } from './findings/settled.js'
import type { JudgedHit } from './findings/verdicts.js'

/** Start-up data of the thread. */
export interface AnalysisThreadData {
  /** See `RunControl`. */
  control: SharedArrayBuffer
}

export type AnalysisCalls = {
  /**
   * The first call.
   * @param answered findings already decided. Replies with the numbers of all pictures in the scan, by id.
   */
  load: {
    request: { source: ScanSource; answered: readonly Answered[]; vectors: boolean; descriptors: boolean }
    reply: Uint32Array
  }
  /** Samples pictures for `recall` and finds their true neighbours; replies with their numbers. */
  truths: { request: { size: number; seed: number; k: number }; reply: Uint32Array }
  /** What the index found for the pictures of `truths`: [n] counts, [n, k] scores. */
  recall: { request: { counts: Uint32Array; scores: Float32Array; k: number }; reply: number | null }
  /** Human judgements of hits, sent before `quality`, in as many calls as needed. */
  judgements: { request: readonly JudgedHit[]; reply: void }
  /** Last call of an evaluation, because it moves the vectors. */
  quality: { request: { sample: number; seed: number; duplicateScore?: number; expand?: number }; reply: QualityReport }
  /** Sent before `neighbours`. @param depth neighbours kept per picture */
  gather: { request: { depth: number }; reply: void }
  /** What the index found for these pictures. */
  neighbours: {
    request: { queries: Uint32Array; k: number; counts: Uint32Array; numbers: Uint32Array; scores: Float32Array }
    reply: void
  }
  duplicates: { request: { duplicateScore: number; limit: number }; reply: DuplicateReport }
  layout: {
    request: { sample: number; neighbours: number; seed: number }
    reply: { ids: string[]; layout: GalleryLayout }
  }
  doctor: { request: { k: number; duplicateScore: number; limit: number }; reply: DoctorReport }
}
