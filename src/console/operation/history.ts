/** The last minutes of `/metrics` as lines to plot. Pure. */
import { type MetricsReading, sumOf } from './metrics-text.js'

export interface Reading {
  /** Seconds since 1970. */
  at: number
  metrics: MetricsReading
}

export interface Line {
  name: string
  /** One value per reading, except the first. */
  values: (number | null)[]
}

export interface Source {
  name: string
  metric: string
  labels?: Record<string, string>
  /** Bytes are shown as megabytes. */
  scale?: number
  /** `rate`: its increase per second. */
  as: 'rate' | 'value'
}

export const historyMax = 150

export function withReading(history: readonly Reading[], reading: Reading): Reading[] {
  return [...history, reading].slice(-historyMax)
}

export function linesOf(history: readonly Reading[], sources: readonly Source[]): { at: number[]; lines: Line[] } {
  const later = history.slice(1)
  return {
    at: later.map(({ at }) => at),
    lines: sources.map((source) => ({
      name: source.name,
      values: later.map((reading, place) => readingOf(source, reading, history[place]!)),
    })),
  }
}

function readingOf({ metric, labels, scale = 1, as }: Source, now: Reading, before: Reading): number | null {
  const value = sumOf(now.metrics, metric, labels)
  if (as === 'value') return value * scale
  const grown = value - sumOf(before.metrics, metric, labels)
  // a restarted service counts from zero
  return grown < 0 ? null : (grown * scale) / Math.max(0.001, now.at - before.at)
}
