/** The gallery by its name, for a key that may search galleries but not list them. */
import { useId, useState } from 'preact/hooks'
import { galleryChoices } from '../api/galleries.js'
import { submitting } from '../controls/use-action.js'
import { goToGallery } from '../routing/route.js'

export function GalleryName({ gallery = '' }: { gallery?: string | undefined }) {
  const [name, setName] = useState(gallery)
  const listId = useId()
  return (
    <form class="row" onSubmit={submitting(() => goToGallery(name.trim()))}>
      <input
        class="grow"
        aria-label="Name of the gallery"
        list={listId}
        required
        autocomplete="off"
        value={name}
        onInput={({ currentTarget }) => setName(currentTarget.value)}
      />
      <datalist id={listId}>
        {galleryChoices.value?.known.map((one) => (
          <option key={one.name} value={one.name} />
        ))}
      </datalist>
      <button type="submit">Open</button>
    </form>
  )
}
