/** The section of a model card on the smaller precisions of the network. */
import type { ModelManifest } from '../../embedding/model-manifest.js'
import type { PrecisionGate } from '../onnx/precisions/precision-gate.js'
import { quantity, share, table } from './markdown.js'

export function precisionsSection({ files, provenance }: ModelManifest): string {
  // written by our own command; the manifest's schema leaves provenance open
  const gates = Object.entries((provenance.precisions ?? {}) as Partial<Record<'int8' | 'fp16', PrecisionGate>>)
  if (gates.length === 0) return ''
  const rows = gates.map(([precision, { mAP10, copies, fp32, meanCosine, minCosine, cpuMs, speedup }]) => [
    precision,
    quantity((files[precision as keyof typeof files]?.bytes ?? NaN) / 1e6),
    share(mAP10),
    share(fp32.mAP10),
    // precisions added by older versions lack copies
    share(copies as number | undefined),
    share(fp32.copies as number | undefined),
    meanCosine.toFixed(4),
    minCosine.toFixed(4),
    precision === 'fp16' ? '–' : `${quantity(cpuMs)} (${quantity(fp32.cpuMs)})`,
    precision === 'fp16' ? '–' : quantity(speedup),
  ])
  return `## Smaller precisions

Derived from the fp32 network and compared with it on ${gates[0]![1].pictures} val pictures; int8 is served on CPUs, fp16 on GPUs. Copies found: the share of their edited copies whose first hit is the original. Times are CPU milliseconds per picture, fp32 in brackets. The fp16 network was checked on a CPU, which computes its half-precision weights in float32; its speed can only be measured on a GPU.

${table(['precision', 'MB', 'mAP@10', 'fp32', 'copies found', 'fp32', 'mean cosine', 'smallest cosine', 'ms', 'speed-up'], rows)}`
}
