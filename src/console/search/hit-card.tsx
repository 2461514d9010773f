/** One hit: its picture, its score, and its record. */
import { useId } from 'preact/hooks'
import { isForBrowser } from '../controls/browser-keys.js'
import { Meter } from '../controls/meter.js'
import { PathText } from '../controls/path-text.js'
import { Thumbnail } from '../controls/thumbnail.js'
import { goToAddress } from '../routing/route.js'
import { HitActions, type HitActionsProps } from './hit-actions.js'
import { MetadataList } from './metadata-list.js'

export interface HitCardProps extends HitActionsProps {
  gallery: string
  /** From 0 on, in its list. */
  place: number
  /** Length of the whole list, of which not all is on the page. */
  count: number
  onSearch: () => void
}

export function HitCard(props: HitCardProps) {
  const { gallery, hit, place, count, opinion, onSearch, onOpinion, onVerdict, why } = props
  const lineId = useId()
  const { rank, id, score, pSame, nearCopyScore, label, metadata } = hit
  const acts: Record<string, (() => void) | undefined> = {
    l: () => onOpinion('like'),
    u: () => onOpinion('unlike'),
    r: onVerdict && (() => onVerdict('right')),
    x: onVerdict && (() => onVerdict('wrong')),
    w: why === undefined ? undefined : () => goToAddress(why),
  }
  const press = (event: KeyboardEvent) => {
    const act = acts[event.key]
    if (act === undefined || isForBrowser(event)) return
    event.preventDefault()
    act()
  }
  return (
    <li
      class={opinion === undefined ? 'hit' : `hit hit-${opinion}`}
      aria-setsize={count}
      aria-posinset={place + 1}
      onKeyDown={press}
    >
      <button
        type="button"
        class="hit-picture"
        aria-label={`Search with ${id}`}
        aria-describedby={lineId}
        aria-keyshortcuts="l u r x w"
        onClick={onSearch}
      >
        <Thumbnail gallery={gallery} id={id} />
      </button>
      <p class="hit-line" id={lineId}>
        <span class="rank">
          <span class="unseen">Rank </span>
          {rank}
        </span>{' '}
        <bdi class="chip">{label ?? 'no label'}</bdi>{' '}
        <span class="score" title="Score: cosine similarity">
          <span class="unseen">Score </span>
          {score.toFixed(3)}
        </span>
      </p>
      {pSame !== undefined && <Meter share={pSame} label="Probability of the same label" />}
      <HitActions {...props} />
      <div class="hit-metadata">
        <p>
          <PathText path={id} />
        </p>
        {nearCopyScore != null && nearCopyScore >= 0.4 && <p>near-copy, {nearCopyScore.toFixed(2)}</p>}
        <MetadataList metadata={metadata ?? {}} />
      </div>
    </li>
  )
}
