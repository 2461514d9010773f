/** Deletes a gallery after its name has been typed. */
import { useState } from 'preact/hooks'
import { loadGalleries } from '../api/galleries.js'
import { answerOf, service } from '../api/service.js'
import { Dialog } from '../controls/dialog.js'
import { Fault } from '../controls/notice.js'
import { submitting, useAction } from '../controls/use-action.js'
import { goToGallery } from '../routing/route.js'

export function DeleteGallery({ gallery, onClose }: { gallery: string; onClose: () => void }) {
  const [typed, setTyped] = useState('')
  const { busy, error, act } = useAction()
  const remove = async () => {
    await answerOf(service.DELETE('/v1/galleries/{gallery}', { params: { path: { gallery } } }))
    const [first] = await loadGalleries()
    goToGallery(first?.name)
  }
  return (
    <Dialog title={`Delete ${gallery}`} onClose={onClose}>
      <form class="stack" onSubmit={submitting(() => act(remove))}>
        <p>This deletes its pictures, labels and metadata, and cannot be undone.</p>
        <label class="field">
          <span>Type its name</span>
          <input value={typed} autocomplete="off" onInput={({ currentTarget }) => setTyped(currentTarget.value)} />
        </label>
        <button type="submit" class="danger" disabled={typed !== gallery} aria-disabled={busy}>
          Delete the gallery
        </button>
        {error !== undefined && <Fault error={error} />}
      </form>
    </Dialog>
  )
}
