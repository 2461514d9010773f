/** How far to trust a score, according to the calibration. */
import { percent } from '../plots/percent.js'
import type { Explanation } from './explain.js'

export function MatchTrust({ explanation: { score, match, calibration } }: { explanation: Explanation }) {
  if (match === null)
    return <p class="hint">The network is not calibrated: scores can only be compared with each other.</p>
  return (
    <section class="stack" aria-label="Trust">
      <h2>Confidence</h2>
      <ul class="trust">
        {match.thresholds.map(({ falseMatchRate, score: needed, matchRate, falseMatchesExpected }) => (
          <li key={falseMatchRate} class={score >= needed ? 'trust-yes' : 'trust-no'}>
            <strong>{score >= needed ? 'Match' : 'No match'}</strong> at a false match rate of {percent(falseMatchRate)}
            : that takes a score of {needed.toFixed(3)}, which {percent(matchRate)} of pairs of one label reach. In this
            gallery about {Number(falseMatchesExpected.toPrecision(2))} pictures would reach it by chance.
          </li>
        ))}
      </ul>
      {match.needed.length > 0 && (
        <p class="hint">
          {match.needed
            .map(
              (one) =>
                `${percent(one.pSame)} the same label: ${one.score === null ? 'no score says so' : `from ${one.score.toFixed(3)}`}`,
            )
            .join(' · ')}
        </p>
      )}
      {calibration && (
        <p class="hint">
          Fitted to {calibration.positivePairs.toLocaleString('en')} pairs of one label and{' '}
          {calibration.negativePairs.toLocaleString('en')} of two, of pictures like those the network was trained on
          {calibration.reliable ? ': for others it is a guess.' : ': too few, so take it for a guess.'}
        </p>
      )}
    </section>
  )
}
