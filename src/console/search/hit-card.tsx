/** One hit: its picture, how near it is, what is known of it, and what can be done with it. */
import { Meter } from '../controls/meter.js'
import { Thumbnail } from '../controls/thumbnail.js'
import { goToAddress } from '../routing/route.js'
import { MetadataList } from './metadata-list.js'
import type { Hit } from './use-search.js'

export interface HitCardProps {
  gallery: string
  hit: Hit
  opinion: 'like' | 'unlike' | undefined
  onSearch: () => void
  onOpinion: (opinion: 'like' | 'unlike') => void
  /** Where it is told why it matched; undefined when the query is not one picture. */
  why: string | undefined
}

export function HitCard({ gallery, hit, opinion, onSearch, onOpinion, why }: HitCardProps) {
  const { rank, id, score, pSame, nearCopyScore, label, metadata } = hit
  const key = (event: KeyboardEvent) => {
    const act = {
      l: () => onOpinion('like'),
      u: () => onOpinion('unlike'),
      w: why === undefined ? undefined : () => goToAddress(why),
    }[event.key]
    if (act === undefined || event.ctrlKey || event.metaKey || event.altKey) return
    event.preventDefault()
    act()
  }
  return (
    <li class={opinion === undefined ? 'hit' : `hit hit-${opinion}`} onKeyDown={key}>
      <button
        type="button"
        class="hit-picture"
        aria-label={`Search with ${id}`}
        aria-keyshortcuts="l u w"
        onClick={onSearch}
      >
        <Thumbnail gallery={gallery} id={id} />
      </button>
      <p class="hit-line">
        <span class="rank">{rank}</span>
        <bdi class="chip">{label ?? 'no label'}</bdi>
        <span class="score" title="Score: cosine similarity">
          {score.toFixed(3)}
        </span>
      </p>
      {pSame !== undefined && <Meter share={pSame} label="Probability of the same label" />}
      <div class="hit-actions">
        <button type="button" class="quiet" aria-pressed={opinion === 'like'} onClick={() => onOpinion('like')}>
          Like<span class="unseen"> {id}</span>
        </button>
        <button type="button" class="quiet" aria-pressed={opinion === 'unlike'} onClick={() => onOpinion('unlike')}>
          Unlike<span class="unseen"> {id}</span>
        </button>
        {why !== undefined && (
          <a class="button quiet" href={why}>
            Why<span class="unseen"> {id} matched</span>
          </a>
        )}
      </div>
      <div class="hit-metadata">
        <p>
          <bdi>{id}</bdi>
        </p>
        {nearCopyScore != null && nearCopyScore >= 0.4 && <p>near-copy, {nearCopyScore.toFixed(2)}</p>}
        <MetadataList metadata={metadata ?? {}} />
      </div>
    </li>
  )
}
