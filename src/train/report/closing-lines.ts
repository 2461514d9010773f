/** The closing lines of a run: how good the network is, and what to do next. */
import { basename, join } from 'node:path'
import { isMeasured } from './judge-exported.js'
import type { ModelMetrics } from './model-metrics.js'

/** @param metrics absent if the test pictures were skipped @param trained the folder and CSV it was trained on */
export function closingLines(
  { folder, metrics }: { folder: string; metrics?: ModelMetrics | undefined },
  trained: { data: string; labels?: string | undefined },
): string[] {
  const labels = trained.labels === undefined ? '' : ` --labels ${word(trained.labels)}`
  const next = [
    `next: npm run quantize -- --model ${word(folder)} --data ${word(trained.data)}${labels}    # int8 for CPUs, fp16 for CUDA`,
    `      MODEL_DIR=${word(folder)} npm start    # or, if a service is already running:`,
    `      npm run model -- install ${word(folder)} && npm run model -- build GALLERY ${word(basename(folder))}`,
    `      npm run model -- switch GALLERY ${word(basename(folder))}    # docs/changing-the-network.md`,
  ]
  if (metrics === undefined) return ['the test pictures were not used; --finish measures the network on them', ...next]
  const { protocols, classification } = metrics
  const mAP10 = (of: (typeof protocols)['A' | 'B']) => (isMeasured(of) ? shown(of.overall['mAP@10']) : '–')
  const accuracy = isMeasured(classification) ? shown(classification.accuracy) : '–'
  return [
    `on the test pictures: accuracy ${accuracy}, mAP@10 ${mAP10(protocols.A)} among themselves, ${mAP10(protocols.B)} against train and val`,
    `all numbers: ${join(folder, 'model-card.md')}`,
    ...next,
  ]
}

function shown(value: number | null | undefined): string {
  return value?.toFixed(3) ?? '–'
}

/** Quoted for a shell if necessary. */
function word(text: string): string {
  return /^[\w@%+=:,./~-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
