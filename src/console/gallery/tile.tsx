/** One picture of the wall. */
import { Thumbnail } from '../controls/thumbnail.js'
import type { Picture } from './picture-list.js'

export interface TileProps {
  gallery: string
  place: number
  /** Of the whole list. */
  count: number
  /** Undefined until it is read. */
  picture: Picture | undefined
  chosen: boolean
  /** Where the cursor is. */
  current: boolean
  onChoose: (place: number, shift: boolean) => void
  onOpen: (id: string) => void
}

export function Tile({ gallery, place, count, picture, chosen, current, onChoose, onOpen }: TileProps) {
  const name = picture === undefined ? 'not read yet' : `${picture.id}, ${picture.label ?? 'no label'}`
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: keys are taken by the list around it
    // biome-ignore lint/a11y/useFocusableInteractive: the list around it has the focus, and says which one is meant
    <div
      id={`tile-${place}`}
      class={`tile${current ? ' tile-current' : ''}`}
      role="option"
      aria-selected={chosen}
      aria-setsize={count}
      aria-posinset={place + 1}
      aria-label={name}
      onClick={(event) => picture && onChoose(place, event.shiftKey)}
      onDblClick={() => picture && onOpen(picture.id)}
    >
      <span class="tile-picture">{picture && <Thumbnail gallery={gallery} id={picture.id} />}</span>
      <bdi class="tile-label">{picture === undefined ? '…' : (picture.label ?? 'no label')}</bdi>
    </div>
  )
}
