/** Actions on a hit: more like it, less like it, right, wrong, why. */
import { Icon } from '../controls/icon.js'
import type { Verdict } from './feedback.js'
import type { Hit } from './use-search.js'

export interface HitActionsProps {
  hit: Hit
  opinion: 'like' | 'unlike' | undefined
  verdict: Verdict | undefined
  onOpinion: (opinion: 'like' | 'unlike') => void
  /** Undefined if the query cannot be judged, or the key may not. */
  onVerdict: ((verdict: Verdict) => void) | undefined
  /** URL of the explanation; undefined if the query is not a single picture. */
  why: string | undefined
}

export function HitActions({ hit: { id }, opinion, verdict, onOpinion, onVerdict, why }: HitActionsProps) {
  const of = <span class="unseen"> {id}</span>
  return (
    <div class="hit-actions">
      <button
        type="button"
        class="quiet"
        title="More like this (l)"
        aria-pressed={opinion === 'like'}
        onClick={() => onOpinion('like')}
      >
        <Icon name="like" />
        <span class="word">Like</span>
        {of}
      </button>
      <button
        type="button"
        class="quiet"
        title="Less like this (u)"
        aria-pressed={opinion === 'unlike'}
        onClick={() => onOpinion('unlike')}
      >
        <Icon name="unlike" />
        <span class="word">Unlike</span>
        {of}
      </button>
      {why !== undefined && (
        <a class="button quiet" title="What the score comes from (w)" href={why}>
          <Icon name="why" />
          <span class="word">Why</span>
          <span class="unseen"> {id} matched</span>
        </a>
      )}
      {onVerdict !== undefined && (
        <>
          <button
            type="button"
            class="quiet verdict-right"
            title="It belongs to the query: counts in Quality, and for training (r)"
            aria-pressed={verdict === 'right'}
            onClick={() => onVerdict('right')}
          >
            <Icon name="right" />
            <span class="word">Right</span>
            {of}
          </button>
          <button
            type="button"
            class="quiet verdict-wrong"
            title="It does not belong to the query: counts in Quality, and for training (x)"
            aria-pressed={verdict === 'wrong'}
            onClick={() => onVerdict('wrong')}
          >
            <Icon name="wrong" />
            <span class="word">Wrong</span>
            {of}
          </button>
        </>
      )}
    </div>
  )
}
