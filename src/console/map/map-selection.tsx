/** The pictures inside the lasso: to view, label or delete. */
import { loadLabels } from '../api/galleries.js'
import { picturesText } from '../controls/counts.js'
import { Needs } from '../controls/needs.js'
import { Thumbnail } from '../controls/thumbnail.js'
import { useAction } from '../controls/use-action.js'
import { useLoaded } from '../controls/use-loaded.js'
import { changeImages, sayChanged } from '../gallery/change-images.js'
import { LabelForm } from '../gallery/label-form.js'
import { removeUnlessUndone } from '../gallery/remove-unless-undone.js'
import { addressTo } from '../routing/route.js'

export interface MapSelectionProps {
  gallery: string
  ids: string[]
  onChanged: () => void
  onClear: () => void
}

const shownMax = 30

export function MapSelection({ gallery, ids, onChanged, onClear }: MapSelectionProps) {
  const { value: labels = [], reload } = useLoaded(() => loadLabels(gallery), [gallery])
  const { busy, act } = useAction()
  const setLabel = (label: string | null) =>
    act(async () => {
      const images = ids.map((id) => ({ id, metadata: {} }))
      const failed = await changeImages({ gallery, images, change: { label }, onChanged: () => undefined })
      sayChanged(ids.length, failed)
      reload()
      onChanged()
    })
  const remove = () => {
    onClear()
    removeUnlessUndone({ gallery, ids: new Set(ids) })
  }
  return (
    <aside class="selection-panel stack" aria-label="Selected pictures">
      <div class="row">
        <h2>{picturesText(ids.length)}</h2>
        <button type="button" class="quiet" onClick={onClear}>
          Choose none
        </button>
      </div>
      <Needs to="write">
        <LabelForm labels={labels.flatMap(({ label }) => label ?? [])} busy={busy} onLabel={setLabel} />
        <Needs to="delete" otherwise="nothing">
          <button type="button" class="danger" onClick={remove}>
            Delete
          </button>
        </Needs>
      </Needs>
      <ul class="map-chosen">
        {ids.slice(0, shownMax).map((id) => (
          <li key={id}>
            <a href={addressTo('search', { id })} aria-label={`Search with ${id}`}>
              <Thumbnail gallery={gallery} id={id} />
            </a>
          </li>
        ))}
      </ul>
    </aside>
  )
}
