/** Near-copies with different labels: choose one label for all of them, or accept them as they are. */
import type { Schemas } from '../api/service.js'
import { FindingImage, FirstOf } from './finding.js'
import type { Decisions } from './use-decisions.js'

export interface ConflictFindingProps {
  gallery: string
  group: Schemas['Diagnosis']['conflicts']['groups'][number]
  decisions: Decisions
}

const shownFirst = 8

export function ConflictFinding({ gallery, group: { labels, images, size }, decisions }: ConflictFindingProps) {
  const ids = images.map(({ id }) => id)
  const key = `conflict ${ids[0]}`
  if (decisions.isDecided(key)) return null
  const about = { kind: 'label', ids } as const
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
              onClick={() => decisions.decide(key, { ...about, decision: 'set-label', label })}
            >
              All are <bdi class="button-text">{label}</bdi>
            </button>
          ))}
          <button
            type="button"
            class="quiet"
            onClick={() => decisions.decide(key, { ...about, decision: 'keep-label' })}
          >
            All are right
          </button>
          <button
            type="button"
            class="quiet"
            onClick={() => decisions.decide(key, { ...about, decision: 'dismissed' })}
          >
            Do not ask again
          </button>
        </div>
      </div>
    </li>
  )
}
