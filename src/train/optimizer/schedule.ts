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

/**
 * Length of the warm-up. With few pictures, epochs are too short for AdamW's second moments to settle: at the peak rate
 * the network would then unlearn everything within a few steps.
 * @param minSteps 2 / (1 − β2) suits AdamW (Ma and Yarats 2021)
 */
export function warmupStepsOf(
  { warmupEpochs, minWarmupSteps }: { warmupEpochs: number; minWarmupSteps: number },
  { epochs, batchesPerEpoch }: { epochs: number; batchesPerEpoch: number },
): number {
  const wanted = Math.max(warmupEpochs * batchesPerEpoch, minWarmupSteps)
  return Math.min(wanted, Math.floor((epochs * batchesPerEpoch) / 2))
}
