/** A label that the neighbours contradict: keep it or take theirs. */
import type { Schemas } from '../api/service.js'
import { FindingImage } from './finding.js'
import type { Finding } from './settled.js'
import type { Decisions } from './use-decisions.js'

type Doubt = Schemas['Diagnosis']['doubts']['images'][number]

export interface DoubtFindingProps {
  gallery: string
  doubt: Doubt
  decisions: Decisions
}

export function doubtFinding({ id }: Doubt) {
  return { kind: 'label' as const, ids: [id] } satisfies Finding
}

export function DoubtFinding({ gallery, doubt, decisions }: DoubtFindingProps) {
  const { id, label, likelyLabel, ownShare, likelyShare, witnesses } = doubt
  const about = doubtFinding(doubt)
  return (
    <li class="finding">
      <FindingImage gallery={gallery} id={id} label={label} />
      <div class="finding-question">
        <p>
          Its neighbours say <bdi class="chip">{likelyLabel}</bdi> ({Math.round(likelyShare * 100)} %), not{' '}
          <bdi class="chip">{label}</bdi> ({Math.round(ownShare * 100)} %).
        </p>
        <div class="row">
          <button
            type="button"
            class="primary"
            onClick={() => decisions.decide({ ...about, decision: 'set-label', label: likelyLabel })}
          >
            <span>
              It is <bdi>{likelyLabel}</bdi>
            </span>
          </button>
          <button type="button" onClick={() => decisions.decide({ ...about, decision: 'keep-label' })}>
            <span>
              It is <bdi>{label}</bdi>
            </span>
          </button>
          <button type="button" class="quiet" onClick={() => decisions.decide({ ...about, decision: 'dismissed' })}>
            Do not ask again
          </button>
        </div>
      </div>
      <div class="finding-witnesses">
        {witnesses.slice(0, 4).map((witness) => (
          <FindingImage
            key={witness.id}
            gallery={gallery}
            id={witness.id}
            label={likelyLabel}
            note={witness.score.toFixed(3)}
          />
        ))}
      </div>
    </li>
  )
}
