/** What numbers are called on the page, where that is not how the service calls them. Pure. */
const names: Record<string, string> = {
  mrr: 'mean reciprocal rank',
  knnAccuracy: '10-NN accuracy',
  normalisedMeanRank: 'mean rank (less is better)',
}

export function numberName(name: string): string {
  return names[name] ?? name
}
