/** Learning rate over a run: linear warm-up, then half a cosine to zero. */
export function learningRateAt(
  step: number,
  schedule: { peak: number; warmupSteps: number; totalSteps: number },
): number {
  const { peak, warmupSteps, totalSteps } = schedule
  if (step < warmupSteps) return (peak * (step + 1)) / warmupSteps
  const progress = Math.min(1, (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps))
  return (peak * (1 + Math.cos(Math.PI * progress))) / 2
}
