/** Changes what a gallery keeps, and where it is stored. */
import { useState } from 'preact/hooks'
import { type Gallery, renewGalleries } from '../api/galleries.js'
import { answerOf, service } from '../api/service.js'
import { Dialog } from '../controls/dialog.js'
import { Needs } from '../controls/needs.js'
import { Fault } from '../controls/notice.js'
import { submitting, useAction } from '../controls/use-action.js'
import { useLoaded } from '../controls/use-loaded.js'
import { RuleFields } from './choice-fields.js'
import { changeOf, mayRelease, type RuleChoices, rulesOf } from './gallery-choices.js'
import { type GalleryOptions, loadGalleryOptions } from './load-gallery-options.js'
import { MovePanel } from './move-panel.js'

export function GallerySettings({ gallery, onClose }: { gallery: string; onClose: () => void }) {
  const { value: options, error: optionsError, reload: reloadOptions } = useLoaded(loadGalleryOptions, [])
  const { value: now, error, reload } = useLoaded((signal) => loadGallery(gallery, signal), [gallery])
  return (
    <Dialog title={`Settings of ${gallery}`} onClose={onClose}>
      <div class="stack parts">
        {error !== undefined && <Fault error={error} onAgain={reload} />}
        {optionsError !== undefined && <Fault error={optionsError} onAgain={reloadOptions} />}
        {now !== undefined && (
          <Needs to="admin">
            <RulesForm key={now.name} gallery={now} options={options} onChanged={reload} />
          </Needs>
        )}
        {now !== undefined && options !== undefined && (
          <MovePanel key={now.engine} gallery={now} options={options} onChanged={reload} />
        )}
      </div>
    </Dialog>
  )
}

interface RulesFormProps {
  gallery: Gallery
  options: GalleryOptions | undefined
  onChanged: () => void
}

function RulesForm({ gallery, options, onChanged }: RulesFormProps) {
  const [choices, setChoices] = useState(() => rulesOf(gallery))
  const [isSaved, setSaved] = useState(false)
  const { busy, error, act } = useAction()
  const change = (changed: Partial<RuleChoices>) => {
    setSaved(false)
    setChoices((before) => ({ ...before, ...changed }))
  }
  const body = changeOf(gallery, choices)
  const save = async () => {
    if (body === undefined) return
    setSaved(false)
    await answerOf(service.PATCH('/v1/galleries/{gallery}', { params: { path: { gallery: gallery.name } }, body }))
    setSaved(true)
    await renewGalleries()
    onChanged()
  }
  return (
    <form class="stack" onSubmit={submitting(() => act(save))}>
      <RuleFields choices={choices} onChange={change} options={options} standard={false} />
      {mayRelease(gallery, choices) && (
        <label class="tick">
          <input
            type="checkbox"
            checked={choices.release}
            onChange={({ currentTarget }) => change({ release: currentTarget.checked })}
          />
          Also give up the originals that were stored until now; they cannot be brought back
        </label>
      )}
      <button type="submit" class={choices.release ? 'danger' : 'primary'} aria-disabled={body === undefined || busy}>
        Save
      </button>
      {isSaved && <p role="status">Saved.</p>}
      {error !== undefined && <Fault error={error} />}
    </form>
  )
}

async function loadGallery(gallery: string, signal: AbortSignal): Promise<Gallery> {
  return answerOf(service.GET('/v1/galleries/{gallery}', { params: { path: { gallery } }, signal }))
}
