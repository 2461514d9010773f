/** The part of a model card on the smaller forms of the network. */
import type { ModelManifest } from '../../embedding/model-manifest.js'
import type { FormGate } from '../onnx/forms/form-gate.js'
import { quantity, share, table } from './markdown.js'

export function formsSection({ files, provenance }: ModelManifest): string {
  // written by our own command; the manifest's schema leaves provenance open
  const gates = Object.entries((provenance.forms ?? {}) as Partial<Record<'int8' | 'fp16', FormGate>>)
  if (gates.length === 0) return ''
  const rows = gates.map(([form, { mAP10, copies, fp32, meanCosine, minCosine, cpuMs, speedup }]) => [
    form,
    quantity((files[form as keyof typeof files]?.bytes ?? NaN) / 1e6),
    share(mAP10),
    share(fp32.mAP10),
    // cards are also written of forms that were made before copies were looked for
    share(copies as number | undefined),
    share(fp32.copies as number | undefined),
    meanCosine.toFixed(4),
    minCosine.toFixed(4),
    form === 'fp16' ? '–' : `${quantity(cpuMs)} (${quantity(fp32.cpuMs)})`,
    form === 'fp16' ? '–' : quantity(speedup),
  ])
  return `## Smaller forms

Made from the fp32 network and compared with it on ${gates[0]![1].pictures} val pictures; int8 is served on CPUs, fp16 on GPUs. Copies found: the share of their edited copies whose first answer is the original. Times are milliseconds of one processor core per picture, fp32 in brackets. The fp16 network was checked on a CPU, which computes its half-precision weights in float32; its speed shows on a GPU only.

${table(['form', 'MB', 'mAP@10', 'fp32', 'copies found', 'fp32', 'mean cosine', 'smallest cosine', 'ms', 'times as fast'], rows)}`
}
