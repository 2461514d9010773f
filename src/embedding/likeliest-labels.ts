/** What a picture is taken for: the classes of the model by their probability. */

export interface LikelyLabel {
  label: string
  /** 0 to 1; over all labels of the model they add up to 1. */
  probability: number
}

/** @param logits [labels], as the model gives them @returns the first `count`, the most probable first */
export function likeliestLabels(logits: Float32Array, labels: readonly string[], count: number): LikelyLabel[] {
  const probabilities = softmax(logits)
  return labels
    .map((label, i) => ({ label, probability: probabilities[i]! }))
    .sort((a, b) => b.probability - a.probability)
    .slice(0, count)
}

/** Less the largest before the exponential: no logit is too large for it. */
function softmax(logits: Float32Array): number[] {
  const top = Math.max(...logits)
  const powers = Array.from(logits, (logit) => Math.exp(logit - top))
  const sum = powers.reduce((total, power) => total + power, 0)
  return powers.map((power) => power / sum)
}
