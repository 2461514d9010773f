/** The most likely classes of a picture, by probability. */

export interface LikelyLabel {
  label: string
  /** 0 to 1; over all labels of the model they sum to 1. */
  probability: number
}

/**
 * @param logits [labels], as returned by the model
 * @returns the first `count`, most likely first
 */
export function likeliestLabels(logits: Float32Array, labels: readonly string[], count: number): LikelyLabel[] {
  const probabilities = softmax(logits)
  return labels
    .map((label, i) => ({ label, probability: probabilities[i]! }))
    .sort((a, b) => b.probability - a.probability)
    .slice(0, count)
}

/** The maximum is subtracted before the exponential, so that no logit overflows. */
function softmax(logits: Float32Array): number[] {
  const top = Math.max(...logits)
  const powers = Array.from(logits, (logit) => Math.exp(logit - top))
  const sum = powers.reduce((total, power) => total + power, 0)
  return powers.map((power) => power / sum)
}
