/** Parses `/metrics` in Prometheus' text format. Pure. */

export interface Sample {
  labels: Record<string, string>
  value: number
}

export interface Metric {
  help: string
  samples: Sample[]
}

/** By sample name: a histogram has `…_bucket`, `…_sum` and `…_count`. */
export type MetricsReading = ReadonlyMap<string, Metric>

const sampleLine = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/
const labelPart = /([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"/g

export function readMetrics(text: string): MetricsReading {
  const metrics = new Map<string, Metric>()
  const help = new Map<string, string>()
  for (const line of text.split('\n')) {
    const [, helped, words] = /^# HELP (\S+) (.*)$/.exec(line) ?? []
    if (helped !== undefined) help.set(helped, words ?? '')
    if (line.startsWith('#')) continue
    const [, name, labels = '', value] = sampleLine.exec(line) ?? []
    if (name === undefined || value === undefined) continue
    const known = metrics.get(name) ?? { help: help.get(name.replace(/_(bucket|sum|count)$/, '')) ?? '', samples: [] }
    known.samples.push({ labels: readLabels(labels), value: numberOf(value) })
    metrics.set(name, known)
  }
  return metrics
}

/** The sum of the samples with these labels; 0 if there are none. */
export function sumOf(reading: MetricsReading, name: string, labels: Record<string, string> = {}): number {
  return samplesOf(reading, name, labels).reduce((sum, { value }) => sum + value, 0)
}

export function samplesOf(reading: MetricsReading, name: string, labels: Record<string, string> = {}): Sample[] {
  const wanted = Object.entries(labels)
  return (reading.get(name)?.samples ?? []).filter((one) => wanted.every(([key, value]) => one.labels[key] === value))
}

function readLabels(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(labelPart)].map(([, name, value]) => [
      name!,
      value!.replaceAll(/\\(.)/g, (_, one: string) => (one === 'n' ? '\n' : one)),
    ]),
  )
}

function numberOf(text: string): number {
  return text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text)
}
