/** The overall result of the hits: the label they vote for, or that nothing matches. */
import { countText } from '../controls/counts.js'
import { percent } from '../plots/percent.js'
import type { SearchAnswer } from './use-search.js'

export function Verdict({ answer: { vote, hits, groups, calibration } }: { answer: SearchAnswer }) {
  const count = (groups ?? hits).length
  return (
    <p class="verdict" role="status">
      <strong>{countText(count, groups === undefined ? 'hit' : 'group')}</strong>
      {vote !== undefined && count > 0 && (
        <>
          {' · '}
          <VoteText vote={vote} />
        </>
      )}
      {calibration?.reliable === false && ' · probabilities are guesses: too few pairs to calibrate with'}
    </p>
  )
}

function VoteText({ vote }: { vote: NonNullable<SearchAnswer['vote']> }) {
  const { match, label, labels, voters, threshold } = vote
  const best = Math.max(...labels.map(({ bestScore }) => bestScore))
  if (match === false && threshold !== undefined)
    return (
      <>
        <strong>no match</strong>: the best hit
        {Number.isFinite(best) && ` scores ${best.toFixed(3)},`} less than the {threshold.score.toFixed(3)} that only{' '}
        {percent(threshold.falseMatchRate)} of pairs with different labels reach
      </>
    )
  if (label === null) return <>no hit has a label</>
  const [first] = labels
  return (
    <>
      likely <bdi class="chip">{label}</bdi> ({first?.votes ?? 0} of {voters} votes)
    </>
  )
}
