/** Where the time of a search went: a bar divided by stage. */
import type { SearchAnswer } from './use-search.js'

export interface DurationsBarProps {
  durations: SearchAnswer['durations']
  /** As measured by the page, including the network. */
  roundTripMs: number | undefined
  method: string
}

/** Less is told as 0.0 ms. */
const shownMinMs = 0.05

export function DurationsBar({ durations, roundTripMs, method }: DurationsBarProps) {
  const { decodeMs, queueMs, embedMs, searchMs, totalMs } = durations
  const all = [
    ['decode', decodeMs],
    ['queue', queueMs],
    ['embed', embedMs],
    ['search', searchMs],
    ['other', Math.max(0, totalMs - decodeMs - queueMs - embedMs - searchMs)],
  ] as const
  const stages = all.filter(([, ms]) => ms >= shownMinMs)
  const sum = stages.reduce((before, [, ms]) => before + ms, 0) || 1
  const text = stages.map(([name, ms]) => `${name} ${ms.toFixed(1)} ms`)
  return (
    <div class="durations">
      <div class="durations-bar" role="img" aria-label={`Stages: ${text.join(', ')}`} title={text.join('\n')}>
        {stages.map(([name, ms]) => (
          <span key={name} class={`stage stage-${name}`} style={{ width: `${(ms / sum) * 100}%` }} />
        ))}
      </div>
      <span class="durations-text">
        {totalMs.toFixed(1)} ms in the service ({method})
        {roundTripMs !== undefined && `, ${roundTripMs.toFixed(0)} ms in all`}
      </span>
    </div>
  )
}
