/** Latencies of searches between two readings of the metrics, stage by stage. Pure. */
import { type MetricsReading, samplesOf, sumOf } from './metrics-text.js'

export interface StageLatency {
  stage: string
  count: number
  meanMs: number
  /** Upper bounds: the upper ends of the histogram buckets. */
  p50Ms: number
  p95Ms: number
}

const name = 'alike_stage_duration_seconds'

/** Of the stages that ran since `before`, or since the start of the service without it. */
export function stageLatencies(now: MetricsReading, before: MetricsReading | undefined): StageLatency[] {
  const since = (suffix: string, labels: Record<string, string>) =>
    sumOf(now, `${name}_${suffix}`, labels) - (before === undefined ? 0 : sumOf(before, `${name}_${suffix}`, labels))
  return samplesOf(now, `${name}_count`).flatMap(({ labels: { stage = '' } }) => {
    const count = since('count', { stage })
    if (count === 0) return []
    const buckets = samplesOf(now, `${name}_bucket`, { stage }).map(({ labels: { le = '' } }) => ({
      end: le === '+Inf' ? Infinity : Number(le),
      count: since('bucket', { stage, le }),
    }))
    const quantile = (share: number) =>
      1_000 * (buckets.find((bucket) => bucket.count >= share * count)?.end ?? Number.NaN)
    return {
      stage,
      count,
      meanMs: (1_000 * since('sum', { stage })) / count,
      p50Ms: quantile(0.5),
      p95Ms: quantile(0.95),
    }
  })
}
