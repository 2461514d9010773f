/** Other pictures near the query: the labels of the nearest ones, each with its best picture. */
import { Meter } from '../controls/meter.js'
import { Thumbnail } from '../controls/thumbnail.js'
import { addressTo } from '../routing/route.js'
import type { Explanation } from './explain.js'

export function MatchNeighbours({ gallery, explanation }: { gallery: string; explanation: Explanation }) {
  const { asked, labels } = explanation.neighbours
  return (
    <section class="stack" aria-label="Nearest labels">
      <h2>Labels among the {asked} nearest</h2>
      <ul class="hits">
        {labels.map(({ label, votes, share, bestScore, bestId }) => (
          <li key={label} class={label === explanation.hit.label ? 'hit hit-like' : 'hit'}>
            <a class="hit-picture" href={addressTo('search', { id: bestId })} aria-label={`Search with ${bestId}`}>
              <Thumbnail gallery={gallery} id={bestId} />
            </a>
            <p class="hit-line">
              <bdi class="chip">{label}</bdi>
              <span class="score" title="Score of its nearest picture">
                {bestScore.toFixed(3)}
              </span>
            </p>
            <Meter share={share} label="Share of the nearest" text={String(votes)} />
          </li>
        ))}
      </ul>
    </section>
  )
}
