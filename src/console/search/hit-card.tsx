/** One hit: its picture, its score, and its record. */
import { isForBrowser } from '../controls/browser-keys.js'
import { Meter } from '../controls/meter.js'
import { PathText } from '../controls/path-text.js'
import { Thumbnail } from '../controls/thumbnail.js'
import { goToAddress } from '../routing/route.js'
import { HitActions, type HitActionsProps } from './hit-actions.js'
import { MetadataList } from './metadata-list.js'

export interface HitCardProps extends HitActionsProps {
  gallery: string
  onSearch: () => void
}

export function HitCard(props: HitCardProps) {
  const { gallery, hit, opinion, onSearch, onOpinion, onVerdict, why } = props
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
    <li class={opinion === undefined ? 'hit' : `hit hit-${opinion}`} onKeyDown={press}>
      <button
        type="button"
        class="hit-picture"
        aria-label={`Search with ${id}`}
        aria-keyshortcuts="l u r x w"
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
