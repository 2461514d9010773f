/** One picture on the wall. */
import { Thumbnail } from '../controls/thumbnail.js'
import type { GalleryImage } from './image-list.js'

export interface TileProps {
  gallery: string
  place: number
  /** Length of the whole list. */
  count: number
  /** Undefined until loaded. */
  image: GalleryImage | undefined
  chosen: boolean
  /** Whether it has the cursor. */
  current: boolean
  onChoose: (place: number, shift: boolean) => void
  onOpen: (id: string) => void
}

export function Tile({ gallery, place, count, image, chosen, current, onChoose, onOpen }: TileProps) {
  const name = image === undefined ? 'not loaded yet' : `${image.id}, ${image.label ?? 'no label'}`
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the surrounding list handles keys
    // biome-ignore lint/a11y/useFocusableInteractive: the surrounding list has the focus and names the item
    <div
      id={`tile-${place}`}
      class={`tile${current ? ' tile-current' : ''}`}
      role="option"
      aria-selected={chosen}
      aria-disabled={image === undefined}
      aria-setsize={count}
      aria-posinset={place + 1}
      aria-label={name}
      onClick={(event) => image && onChoose(place, event.shiftKey)}
      onDblClick={() => image && onOpen(image.id)}
    >
      <span class="tile-picture">
        {image && <Thumbnail gallery={gallery} id={image.id} contentHash={image.contentHash} />}
      </span>
      <bdi class="tile-label">{image === undefined ? '…' : (image.label ?? 'no label')}</bdi>
    </div>
  )
}
