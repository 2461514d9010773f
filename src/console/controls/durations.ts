/** Durations in words. Pure. */

/** In its two largest units: `2 d 3 h`, `3 h 20 min`, `5 min`, `40 s`; a started second is counted. */
export function durationText(seconds: number): string {
  const whole = Math.ceil(seconds)
  const [days, hours, minutes] = [
    Math.floor(whole / 86_400),
    Math.floor(whole / 3_600) % 24,
    Math.floor(whole / 60) % 60,
  ]
  if (days > 0) return `${days} d ${hours} h`
  if (hours > 0) return `${hours} h ${minutes} min`
  return minutes > 0 ? `${minutes} min` : `${whole} s`
}
