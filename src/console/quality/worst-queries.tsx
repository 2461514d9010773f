/** The worst queries as pictures; a click shows their results. */
import type { Schemas } from '../api/service.js'
import { Thumbnail } from '../controls/thumbnail.js'
import { addressTo } from '../routing/route.js'

type Worst = NonNullable<Schemas['Evaluation']['quality']['worst']>

export function WorstQueries({ gallery, worst }: { gallery: string; worst: Worst }) {
  if (worst.length === 0) return null
  return (
    <section class="stack" aria-label="Worst queries">
      <h2>Worst queries</h2>
      <ul class="hits">
        {worst.map(({ id, label, firstRank, votedLabel, 'mAP@10': precision }) => (
          <li key={id} class="hit">
            <a class="hit-picture" href={addressTo('search', { id })} aria-label={`Search with ${id}`}>
              <Thumbnail gallery={gallery} id={id} />
            </a>
            <p class="hit-line">
              <bdi class="chip">{label}</bdi>
              <span class="score" title="mAP@10">
                {precision.toFixed(2)}
              </span>
            </p>
            <p class="hint">
              {votedLabel !== null && votedLabel !== label && (
                <>
                  taken for <bdi>{votedLabel}</bdi>,{' '}
                </>
              )}
              {firstRank === null ? 'none right' : `first right at ${firstRank}`}
            </p>
          </li>
        ))}
      </ul>
    </section>
  )
}
