/** The stored results of analyses. Written once: these types, validation and the API reference are derived from the schemas. */
import { type Static, Type } from 'typebox'
import { DoctorReport, DuplicateReport } from './doctor-report.js'
import { QualityReport, RecallReport } from './quality-report.js'
import { Count } from './report-values.js'

const About = {
  gallery: Type.String(),
  modelId: Type.String({ description: 'The model that made the embeddings.' }),
}

export const EvaluationResult = Type.Object({
  kind: Type.Literal('evaluate', { type: 'string' }),
  ...About,
  quality: QualityReport,
  index: RecallReport,
})
export type EvaluationResult = Static<typeof EvaluationResult>
export const DuplicateResult = Type.Object({
  kind: Type.Literal('duplicates', { type: 'string' }),
  ...About,
  ...DuplicateReport.properties,
})
export type DuplicateResult = Static<typeof DuplicateResult>
export const DoctorResult = Type.Object({
  kind: Type.Literal('doctor', { type: 'string' }),
  ...About,
  ...DoctorReport.properties,
})
export type DoctorResult = Static<typeof DoctorResult>
export const LayoutResult = Type.Object({
  kind: Type.Literal('layout', { type: 'string' }),
  ...About,
  pictures: Count('Pictures in the layout.'),
  sampled: Count('Of those, pictures that UMAP laid out.'),
})
export type LayoutResult = Static<typeof LayoutResult>
export type AnalysisResult = EvaluationResult | DuplicateResult | DoctorResult | LayoutResult
