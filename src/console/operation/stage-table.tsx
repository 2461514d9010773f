/** Search latencies per stage since this screen was opened. */

import type { MetricsReading } from './metrics-text.js'
import { stageLatencies } from './stage-latencies.js'

export function StageTable({ now, before, since }: { now: MetricsReading; before: MetricsReading; since: number }) {
  const recent = stageLatencies(now, before)
  const isRecent = recent.length > 0
  const stages = isRecent ? recent : stageLatencies(now, undefined)
  if (stages.length === 0) return null
  return (
    <table class="table">
      <caption>
        Stages of a search, {isRecent ? `the last ${Math.round(since)} seconds` : 'since the service started'}
      </caption>
      <thead>
        <tr>
          <th scope="col">Stage</th>
          <th scope="col" class="number">
            Times
          </th>
          <th scope="col" class="number">
            Mean
          </th>
          <th scope="col" class="number">
            Half within
          </th>
          <th scope="col" class="number">
            95 % within
          </th>
        </tr>
      </thead>
      <tbody>
        {stages.map(({ stage, count, meanMs, p50Ms, p95Ms }) => (
          <tr key={stage}>
            <th scope="row">{stage}</th>
            <td class="number">{count.toLocaleString('en')}</td>
            <td class="number">{milliseconds(meanMs)}</td>
            <td class="number">{milliseconds(p50Ms)}</td>
            <td class="number">{milliseconds(p95Ms)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function milliseconds(value: number): string {
  return Number.isFinite(value) ? `${Number(value.toPrecision(3))} ms` : 'longer'
}
