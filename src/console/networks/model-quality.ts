/**
 * Reads a network's `metrics.json` as far as possible: the file belongs to the network and may be of any version. Pure.
 */

export interface ModelQuality {
  /** Measured on test pictures querying each other. */
  numbers: { name: string; value: number; low?: number; high?: number }[]
  accuracy?: number
  /** Area under the ROC curve for telling pairs of one label from pairs of two. */
  rocAuc?: number
  calibrationError?: number
  embedMs?: number
  cpu?: string
  /** Predicted against observed probabilities. */
  reliability: { stated: number; found: number }[]
  labels: { label: string; value: number }[]
}

const shown = ['mAP@10', 'mAP@50', 'recall@1', 'recall@10', 'knnAccuracy'] as const

export function readQuality(metrics: unknown): ModelQuality {
  const overall = at(metrics, 'protocols', 'A', 'overall')
  const intervals = at(metrics, 'protocols', 'A', 'intervals')
  const perClass = at(metrics, 'protocols', 'A', 'perClass')
  const cpu = at(metrics, 'cost', 'cpu')
  return {
    numbers: shown.flatMap((name) => {
      const value = numberAt(overall, name)
      const [low, high] = listOf(at(intervals, name)).map(Number)
      return value === undefined ? [] : [{ name, value, ...(low !== undefined && high !== undefined && { low, high }) }]
    }),
    ...optional('accuracy', numberAt(metrics, 'classification', 'accuracy')),
    ...optional('rocAuc', numberAt(metrics, 'pairs', 'rocAuc')),
    ...optional('calibrationError', numberAt(metrics, 'calibration', 'testError')),
    ...optional('embedMs', numberAt(metrics, 'cost', 'embedMs')),
    ...(typeof cpu === 'string' && { cpu }),
    reliability: listOf(at(metrics, 'calibration', 'fitted', 'reliability')).flatMap((one) => {
      const [stated, found] = [numberAt(one, 'stated'), numberAt(one, 'found')]
      return stated === undefined || found === undefined ? [] : [{ stated, found }]
    }),
    labels: Object.entries(typeof perClass === 'object' && perClass !== null ? perClass : {}).flatMap(
      ([label, one]) => {
        const value = numberAt(one, 'mAP@10')
        return value === undefined ? [] : [{ label, value }]
      },
    ),
  }
}

function at(value: unknown, ...path: string[]): unknown {
  let found = value
  for (const name of path)
    found = typeof found === 'object' && found !== null ? (found as Record<string, unknown>)[name] : undefined
  return found
}

function numberAt(value: unknown, ...path: string[]): number | undefined {
  const found = at(value, ...path)
  return typeof found === 'number' && Number.isFinite(found) ? found : undefined
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

function optional<Name extends string>(name: Name, value: number | undefined): Partial<Record<Name, number>> {
  return value === undefined ? {} : ({ [name]: value } as Record<Name, number>)
}
