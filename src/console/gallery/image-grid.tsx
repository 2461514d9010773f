/** A virtualised wall of thumbnails: only the visible ones are in the page, so that it can hold a hundred thousand. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { keptSignal } from '../controls/kept.js'
import type { GalleryImage } from './image-list.js'
import { added, afterKey, extended, type Selection, toggled } from './selection.js'
import { Tile } from './tile.js'
import { useRows } from './use-rows.js'
import { useTouchRange } from './use-touch-range.js'

export interface ImageGridProps {
  gallery: string
  /** Names the list, whose place is found again when it is shown again. */
  name: string
  images: readonly GalleryImage[]
  /** Number of pictures known so far; more are loaded on demand. */
  count: number
  selection: Selection
  onSelection: (selection: Selection) => void
  /** Requests that this many be loaded. */
  onWant: (count: number) => void
  onOpen: (id: string) => void
  /** Whether the next choice selects everything up to it. */
  isRanging: boolean
}

const tileWidth = 132
const rowHeight = 158

export function ImageGrid(props: ImageGridProps) {
  const { name, images, count, selection, onSelection, onWant, onOpen } = props
  const frame = useRef<HTMLDivElement>(null)
  const perRow = usePerRow(frame)
  const { items, totalHeight, scrollToRow } = useRows({ frame, count: Math.ceil(count / perRow), rowHeight })
  const onScroll = useKeptPlace(name, frame, totalHeight)
  const lastRow = items.at(-1)?.index ?? 0
  // also for a list that was loaded anew, of as many pictures
  useEffect(() => onWant(Math.min(count, (lastRow + 8) * perRow)), [lastRow, perRow, count, images])

  useHeldRange(frame, props)

  const press = (event: KeyboardEvent) => {
    const { key, shiftKey: shift, ctrlKey, metaKey, altKey } = event
    // goes back
    if (altKey) return
    const chosen = images[selection.cursor]
    if (key === 'Enter' && chosen !== undefined) return onOpen(chosen.id)
    const next = afterKey(selection, images, { key, shift, control: ctrlKey || metaKey }, { perRow, count })
    if (next === undefined) return
    event.preventDefault()
    onSelection(next)
    scrollToRow(Math.floor(next.cursor / perRow))
  }

  return (
    <div
      ref={frame}
      class="grid-frame"
      role="listbox"
      tabIndex={0}
      aria-multiselectable
      aria-label="Pictures. Space selects, Shift with arrow keys or Space selects several, Enter searches."
      aria-activedescendant={images[selection.cursor] === undefined ? undefined : `tile-${selection.cursor}`}
      onKeyDown={press}
      onScroll={onScroll}
    >
      <div class="grid-rows" role="presentation" style={{ height: `${totalHeight}px` }}>
        {items.map(({ index, start }) => (
          <div
            key={index}
            class="grid-row"
            role="presentation"
            style={{ transform: `translateY(${start}px)`, gridTemplateColumns: `repeat(${perRow}, minmax(0, 1fr))` }}
          >
            {placesOf(index, perRow, count).map((place) => (
              <PlacedTile key={images[place]?.id ?? place} place={place} {...props} />
            ))}
          </div>
        ))}
      </div>
    </div>
  )
}

function PlacedTile({ place, ...props }: ImageGridProps & { place: number }) {
  const { gallery, images, count, selection, isRanging, onSelection, onOpen } = props
  const image = images[place]
  return (
    <Tile
      gallery={gallery}
      place={place}
      count={count}
      image={image}
      chosen={selection.ids.has(image?.id ?? '')}
      current={place === selection.cursor}
      onChoose={(at, shift) =>
        onSelection(shift || isRanging ? extended(selection, images, at) : toggled(selection, images, at))
      }
      onOpen={onOpen}
    />
  )
}

/** A range drawn by a finger: from the picture it holds to the one it is over, which may be nearer again. */
function useHeldRange(frame: { current: HTMLElement | null }, props: ImageGridProps): void {
  const { images, selection, onSelection } = props
  const begun = useRef(selection)
  useTouchRange({
    frame,
    onHold: (place) => {
      begun.current = added(selection, images, place)
      onSelection(begun.current)
    },
    onReach: (place) => onSelection(extended(begun.current, images, place)),
  })
}

function placesOf(row: number, perRow: number, count: number): number[] {
  return Array.from({ length: Math.min(perRow, count - row * perRow) }, (_, column) => row * perRow + column)
}

/** Scrolls to where the list was left, as soon as it is that long. Returns the handler of its scroll events. */
function useKeptPlace(name: string, frame: { current: HTMLElement | null }, height: number): () => void {
  const left = keptSignal(`place ${name}`, 0)
  const isFound = useRef(left.peek() === 0)
  useLayoutEffect(() => {
    const { current } = frame
    if (isFound.current || current === null || height < left.peek() + current.clientHeight) return
    isFound.current = true
    current.scrollTop = left.peek()
  }, [height])
  return () => {
    if (isFound.current && frame.current !== null) left.value = frame.current.scrollTop
  }
}

function usePerRow(frame: { current: HTMLElement | null }): number {
  const [perRow, setPerRow] = useState(6)
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      if (entry !== undefined) setPerRow(Math.max(3, Math.floor(entry.contentRect.width / tileWidth)))
    })
    observer.observe(frame.current!)
    return () => observer.disconnect()
  }, [])
  return perRow
}
