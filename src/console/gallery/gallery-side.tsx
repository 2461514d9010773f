/** Beside the wall while nothing is selected: the labels, each of which shows its pictures, and how to select some. */
import type { LabelCount } from '../api/galleries.js'
import { countText } from '../controls/counts.js'
import { addressTo, route } from '../routing/route.js'

/** The others are in the choice above. */
const shownMax = 40

export interface GallerySideProps {
  counts: readonly LabelCount[]
  /** The one that is shown; undefined: all. */
  label: string | undefined
}

export function GallerySide({ counts, label: shown }: GallerySideProps) {
  const most = Math.max(1, ...counts.map(({ count }) => count))
  return (
    <aside class="selection-panel gallery-side stack" aria-label="Labels">
      <p class="hint">
        Choose pictures to see, search with, label or delete them:{' '}
        <span class="touch-words">tap them, or hold one and drag over others.</span>
        <span class="drop-words">
          click, or move with the arrow keys and press Space. Shift chooses all between; a double click or Enter
          searches.
        </span>
      </p>
      <h2>Labels</h2>
      <ul class="label-counts">
        {counts.slice(0, shownMax).map(({ label, count }) => (
          <li key={label}>
            <a href={addressOf(label ?? '', shown)} aria-current={(label ?? '') === shown ? 'true' : undefined}>
              <bdi>{label ?? 'no label'}</bdi>
              <span class="mono">{count.toLocaleString('en')}</span>
              <span class="label-share" style={{ width: `${(100 * count) / most}%` }} />
            </a>
          </li>
        ))}
      </ul>
      {counts.length > shownMax && <p class="hint">and {countText(counts.length - shownMax, 'more label')}</p>}
    </aside>
  )
}

/** Of its pictures, with the filter that is on; again, of all. */
function addressOf(label: string, shown: string | undefined): string {
  const settings = new URLSearchParams(route.value.settings)
  if (label === shown) settings.delete('label')
  else settings.set('label', label)
  return addressTo('gallery', settings)
}
