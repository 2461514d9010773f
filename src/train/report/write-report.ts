/** Measures an exported network and writes `metrics.json`, `model-card.md` and the plots into its folder. */
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { replaceFile } from '../../durable-files.js'
import { type ModelManifest, readModel } from '../../embedding/model-manifest.js'
import { modelCard } from './model-card.js'
import { type EvaluateOptions, evaluateExported, type ModelMetrics } from './model-metrics.js'
import { drawPlots, plotsFolder } from './plots.js'

/** @throws as `evaluateExported` */
export async function writeReport(options: EvaluateOptions): Promise<ModelMetrics> {
  const metrics = await evaluateExported(options)
  const { manifest } = await readModel(options.folder)
  const calibrated =
    metrics.calibration === undefined ? manifest : { ...manifest, calibration: metrics.calibration.fitted }
  await replaceFile(join(options.folder, 'manifest.json'), asJson(calibrated))
  await replaceFile(join(options.folder, 'metrics.json'), asJson(metrics))
  await writeCard(options.folder, calibrated, metrics)
  return metrics
}

/** Rewrites card and plots from existing metrics. @returns false if there are none */
export async function rewriteCard(folder: string, manifest: ModelManifest): Promise<boolean> {
  const text = await readFile(join(folder, 'metrics.json'), 'utf8').catch(() => undefined)
  if (text === undefined) return false
  await writeCard(folder, manifest, JSON.parse(text) as ModelMetrics)
  return true
}

async function writeCard(folder: string, manifest: ModelManifest, metrics: ModelMetrics): Promise<void> {
  await mkdir(join(folder, plotsFolder), { recursive: true })
  for (const [file, svg] of await drawPlots(manifest, metrics)) await replaceFile(join(folder, plotsFolder, file), svg)
  await replaceFile(join(folder, 'model-card.md'), modelCard(manifest, metrics))
}

function asJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}
