/** Determines a query's label by vote of the nearest pictures, and whether the nearest is close enough to trust it. */

export interface Voter {
  score: number
  /** null: it has no label and does not vote. */
  label: string | null
}

export interface LabelVotes {
  label: string
  votes: number
  /** Share of all votes, 0 to 1. */
  share: number
  /** Score of its nearest picture. */
  bestScore: number
}

export interface Vote {
  /** Number of pictures with a label that voted. */
  voters: number
  /** The majority label, on a tie that of the nearest picture; null if nobody voted or nothing matches. */
  label: string | null
  /** Share of the first label minus that of the second: 0 undecided, 1 unanimous. */
  margin: number
  /** Most votes first, then nearest. */
  labels: LabelVotes[]
  /** Whether the best score reaches the threshold; omitted without one. */
  match?: boolean
}

/**
 * The same vote as in k-NN accuracy (`eval/judged-query.ts`).
 * @param voters best first
 * @param threshold below it, even the nearest picture is not a match, and the query's label is unknown
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
