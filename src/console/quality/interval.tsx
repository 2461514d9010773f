/** A bar from 0 to 1 with a confidence interval and a mark at the value. */
export interface IntervalProps {
  value: number | null
  interval: number[] | undefined
  /** How many the value is the mean of. */
  queries: number
}

/** An interval is drawn from the queries themselves: that of fewer is as narrow as they happen to agree. */
const queriesMin = 10

export function Interval({ value, interval, queries }: IntervalProps) {
  const [low, high] = interval ?? []
  if (queries > 0 && queries < queriesMin) return <span class="hint">too few queries</span>
  if (value === null || low === undefined || high === undefined) return <>–</>
  return (
    <span class="interval" role="img" aria-label={`${low.toFixed(3)} to ${high.toFixed(3)}`}>
      <span class="interval-track">
        <span class="interval-range" style={{ left: `${low * 100}%`, width: `${(high - low) * 100}%` }} />
        <span class="interval-mark" style={{ left: `${value * 100}%` }} />
      </span>
      <span class="hint mono">
        {low.toFixed(3)}–{high.toFixed(3)}
      </span>
    </span>
  )
}
