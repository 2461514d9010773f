/** A share between 0 and 1, as a bar with its number. */

export interface MeterProps {
  share: number
  /** Describes the share, for screen readers. */
  label: string
  text?: string | undefined
}

export function Meter({ share, label, text = `${Math.round(share * 100)} %` }: MeterProps) {
  const percent = Math.round(Math.max(0, Math.min(1, share)) * 100)
  return (
    <span class="meter" title={label}>
      <span class="meter-track" role="img" aria-label={`${label}: ${text}`}>
        <span class="meter-fill" style={{ width: `${percent}%` }} />
      </span>
      <span class="meter-text" aria-hidden="true">
        {text}
      </span>
    </span>
  )
}
