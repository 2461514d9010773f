/** Near-copies with different labels: choose one label for all of them, or accept them as they are. */
import type { Schemas } from '../api/service.js'
import { FindingImage, FirstOf } from './finding.js'
import type { Finding } from './settled.js'
import type { Decisions } from './use-decisions.js'

type Conflict = Schemas['Diagnosis']['conflicts']['groups'][number]

export interface ConflictFindingProps {
  gallery: string
  group: Conflict
  decisions: Decisions
}

export function conflictFinding({ images }: Conflict) {
  return { kind: 'label' as const, ids: images.map(({ id }) => id) } satisfies Finding
}

const shownFirst = 8

export function ConflictFinding({ gallery, group, decisions }: ConflictFindingProps) {
  const { labels, images, size } = group
  const about = conflictFinding(group)
  return (
    <li class="finding">
      <FirstOf all={images} first={shownFirst}>
        {({ id, label, nearCopyScore }) => (
          <FindingImage key={id} gallery={gallery} id={id} label={label} note={`copy ${nearCopyScore.toFixed(2)}`} />
        )}
      </FirstOf>
      <div class="finding-question">
        {size > images.length && (
          <p class="hint">{size.toLocaleString('en')} in all, of which these are decided about</p>
        )}
        <div class="row">
          {labels.map((label) => (
            <button
              key={label}
              type="button"
              onClick={() => decisions.decide({ ...about, decision: 'set-label', label })}
            >
              <span>
                All are <bdi>{label}</bdi>
              </span>
            </button>
          ))}
          <button type="button" class="quiet" onClick={() => decisions.decide({ ...about, decision: 'keep-label' })}>
            All are right
          </button>
          <button type="button" class="quiet" onClick={() => decisions.decide({ ...about, decision: 'dismissed' })}>
            Do not ask again
          </button>
        </div>
      </div>
    </li>
  )
}
