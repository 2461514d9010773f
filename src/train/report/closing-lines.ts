/** The closing lines of a run: how good the network is, and what to do next. */
import { basename, join } from 'node:path'
import { shellWord } from '../../command-line.js'
import type { ExportedRun } from '../export-and-report.js'
import { isMeasured } from './judge-exported.js'
import type { ModelMetrics } from './model-metrics.js'

/** @param trained the folder and CSV it was trained on */
export function closingLines(
  { folder, metrics, canQuantize }: ExportedRun,
  trained: { data: string; labels?: string | undefined },
): string[] {
  const next = [...(canQuantize ? [quantizing(folder, trained)] : []), ...serving(folder)]
  return [...qualityLines(folder, metrics), ...next.map((command, i) => `${i === 0 ? 'next: ' : '      '}${command}`)]
}

function qualityLines(folder: string, metrics: ModelMetrics | undefined): string[] {
  if (metrics === undefined) return ['there is no report: --finish measures the network on the test pictures']
  const { protocols, classification } = metrics
  const mAP10 = (of: (typeof protocols)['A' | 'B']) => (isMeasured(of) ? shown(of.overall['mAP@10']) : '–')
  const accuracy = isMeasured(classification) ? shown(classification.accuracy) : '–'
  return [
    `on the test pictures: accuracy ${accuracy}, mAP@10 ${mAP10(protocols.A)} among themselves, ${mAP10(protocols.B)} against train and val`,
    `all numbers: ${join(folder, 'model-card.md')}`,
  ]
}

function quantizing(folder: string, { data, labels }: { data: string; labels?: string | undefined }): string {
  const where = labels === undefined ? shellWord(data) : `${shellWord(data)} --labels ${shellWord(labels)}`
  return `npm run quantize -- --model ${shellWord(folder)} --data ${where}    # int8 for CPUs, fp16 for CUDA`
}

function serving(folder: string): string[] {
  const name = shellWord(basename(folder))
  return [
    `MODEL_DIR=${shellWord(folder)} npm start    # or, if a service is already running:`,
    `npm run model -- install ${shellWord(folder)} && npm run model -- build GALLERY ${name}`,
    `npm run model -- switch GALLERY ${name}    # docs/changing-the-network.md`,
  ]
}

function shown(value: number | null | undefined): string {
  return value?.toFixed(3) ?? '–'
}
