/** Deletes a gallery after its name has been typed. */
import { useState } from 'preact/hooks'
import { loadGalleries } from '../api/galleries.js'
import { answerOf, service } from '../api/service.js'
import { Dialog } from '../controls/dialog.js'
import { Fault } from '../controls/notice.js'
import { goToGallery } from '../routing/route.js'

export function DeleteGallery({ gallery, onClose }: { gallery: string; onClose: () => void }) {
  const [typed, setTyped] = useState('')
  const [error, setError] = useState<unknown>()
  const remove = async (event: Event) => {
    event.preventDefault()
    try {
      await answerOf(service.DELETE('/v1/galleries/{gallery}', { params: { path: { gallery } } }))
      const [first] = await loadGalleries()
      goToGallery(first?.name)
    } catch (reason) {
      setError(reason)
    }
  }
  return (
    <Dialog title={`Delete ${gallery}`} onClose={onClose}>
      <form class="stack" onSubmit={remove}>
        <p>This deletes its pictures, labels and metadata, and cannot be undone.</p>
        <label class="field">
          <span>Type its name</span>
          <input value={typed} autocomplete="off" onInput={({ currentTarget }) => setTyped(currentTarget.value)} />
        </label>
        <button type="submit" class="danger" disabled={typed !== gallery}>
          Delete the gallery
        </button>
        {error !== undefined && <Fault error={error} />}
      </form>
    </Dialog>
  )
}
