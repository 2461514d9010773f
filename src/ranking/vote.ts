/** What the nearest pictures say the query is: one voice for each, and whether the nearest is near enough to be believed. */

export interface Voter {
  score: number
  /** null: it has no label and no voice. */
  label: string | null
}

export interface LabelVotes {
  label: string
  votes: number
  /** Of all voices, 0 to 1. */
  share: number
  /** Of its nearest picture. */
  bestScore: number
}

export interface Vote {
  /** Pictures with a label that voted. */
  voters: number
  /** The majority's, of equals the one whose picture is nearest; null when nobody voted or nothing matches. */
  label: string | null
  /** Share of the first label less that of the second: 0 undecided, 1 unanimous. */
  margin: number
  /** Most votes first, then nearest. */
  labels: LabelVotes[]
  /** Whether the best score reaches the threshold; left out without a threshold. */
  match?: boolean
}

/**
 * The same vote that k-NN accuracy is measured by (`eval/judged-query.ts`).
 * @param voters best first
 * @param threshold below it not even the nearest picture is a match, and the query is of no known label
 */
export function voteOnLabel(voters: readonly Voter[], threshold?: number): Vote {
  const voices = voters.filter((voter): voter is Voter & { label: string } => voter.label !== null)
  const counts = new Map<string, { votes: number; bestScore: number }>()
  for (const { label, score } of voices) {
    const count = counts.get(label)
    if (count === undefined) counts.set(label, { votes: 1, bestScore: score })
    else count.votes++
  }
  // a Map keeps the order of first appearance and sorting is stable, so the nearest label wins a tie
  const labels = [...counts]
    .map(([label, { votes, bestScore }]) => ({ label, votes, share: votes / voices.length, bestScore }))
    .sort((a, b) => b.votes - a.votes)
  const [first, second] = labels
  const best = voters[0]?.score ?? -Infinity
  const match = threshold === undefined ? undefined : best >= threshold
  return {
    voters: voices.length,
    label: match === false || first === undefined ? null : first.label,
    margin: first === undefined ? 0 : first.share - (second?.share ?? 0),
    labels,
    ...(match !== undefined && { match }),
  }
}
