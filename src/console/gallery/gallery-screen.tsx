/** The gallery: a wall of its pictures, to label, remove and add to. */
import { signal } from '@preact/signals'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { may } from '../api/caller.js'
import { loadLabels, renewGalleries } from '../api/galleries.js'
import { forgetThumbnails } from '../api/thumbnails.js'
import { picturesText } from '../controls/counts.js'
import { keptSignal } from '../controls/kept.js'
import { Fault } from '../controls/notice.js'
import { useLoaded } from '../controls/use-loaded.js'
import { addressTo, goTo, route } from '../routing/route.js'
import { UploadPanel } from '../upload/upload-panel.js'
import { GallerySide } from './gallery-side.js'
import { GalleryToolbar } from './gallery-toolbar.js'
import { nextGrowth } from './growth.js'
import { ImageGrid, type ImageGridProps } from './image-grid.js'
import { ImageList } from './image-list.js'
import { removeUnlessUndone, useRemovals, useWithoutRemoved } from './remove-unless-undone.js'
import { nothingChosen, type Selection } from './selection.js'
import { lastOfRange, SelectionPanel } from './selection-panel.js'
import '../styles/gallery.css'

export function GalleryScreen({ gallery }: { gallery: string }) {
  const label = route.value.settings.get('label') ?? undefined
  const filterText = route.value.settings.get('filter') ?? undefined
  const { counts, error, list, images, hidden, reload, renew } = useContents(gallery, label, filterText)
  const wall = JSON.stringify([gallery, label, filterText])
  const { selection, setSelection, ranging, clear } = useSelection(wall)
  // some that were selected may be shown no longer
  const chosen = images.filter(({ id }) => selection.ids.has(id))
  const onStored = useGrowth(totalOf(counts ?? [], undefined), () => followed(renew))
  const total = totalOf(counts ?? [], label) - hidden
  const unread = list.ended ? 0 : 1
  const count = unread === 0 || filterText !== undefined ? images.length + unread : Math.max(total, images.length)

  return (
    <div class="gallery-screen">
      <h1 class="unseen">Gallery</h1>
      <GalleryToolbar gallery={gallery} counts={counts} shown={images.length} list={list} total={total} />
      <UploadPanel gallery={gallery} onStored={onStored} onEnd={() => followed(renew)} />
      {(error ?? list.error) !== undefined && <Fault error={error ?? list.error} onAgain={renew} />}
      <ChosenStatus count={chosen.length} isRanging={ranging.value} />
      <div class="gallery-body">
        <Wall
          isEmpty={counts !== undefined && count === 0 && list.error === undefined}
          isFiltered={label !== undefined || filterText !== undefined}
          key={wall}
          name={wall}
          gallery={gallery}
          images={images}
          count={count}
          selection={selection}
          onSelection={setSelection}
          onWant={(count) => list.want(count + hidden)}
          onOpen={(id) => goTo('search', { id })}
          isRanging={ranging.value}
        />
        {count > 0 && chosen.length === 0 && <GallerySide counts={counts ?? []} label={label} />}
        {chosen.length > 0 && (
          <SelectionPanel
            gallery={gallery}
            labels={(counts ?? []).flatMap(({ label }) => label ?? [])}
            chosen={chosen}
            onChanged={(image) => list.replace(image)}
            onDone={reload}
            onSearch={searchWith}
            onRemove={() => removeChosen(gallery, chosen, clear)}
            onClear={clear}
            ranging={ranging}
          />
        )}
      </div>
    </div>
  )
}

/**
 * Labels with their counts, and the list that is shown except for `hidden` of its pictures. `renew` shows the former
 * pictures until they have been loaded again.
 */
function useContents(gallery: string, label: string | undefined, filter: string | undefined) {
  const { value: counts, error, reload } = useLoaded(() => loadLabels(gallery), [gallery])
  const [renewals, setRenewals] = useState(0)
  const list = useMemo(() => new ImageList({ gallery, label, filter }), [gallery, label, filter])
  useEffect(() => () => list.close(), [list])
  useEffect(() => {
    if (renewals > 0) list.renew()
  }, [renewals])
  list.version.value
  const renew = () => {
    forgetThumbnails(gallery)
    setRenewals((one) => one + 1)
    reload()
  }
  useRemovals(gallery, (ids) => {
    forgetThumbnails(gallery)
    list.drop(ids)
    reload()
  })
  const images = useWithoutRemoved(gallery, list.images)
  const hidden = list.images.length - images.length
  return { counts, error, list, images, hidden, reload, renew }
}

/** Loads what changed, and the counts in the list of galleries. */
function followed(load: () => void): void {
  load()
  void renewGalleries()
}

/** Takes the number of pictures that an upload has stored so far, none at first; calls `grow` when reloading is worth it. */
function useGrowth(before: number, grow: () => void): (stored: number) => void {
  const next = useRef(0)
  return (stored) => {
    if (stored > 0 && stored < next.current) return
    if (stored > 0) grow()
    next.current = nextGrowth(before, stored)
  }
}

/** Of this wall only. */
function useSelection(wall: string) {
  const kept = keptSignal(`selection ${wall}`, nothingChosen)
  const ranging = useMemo(() => signal(false), [wall])
  const setSelection = (next: Selection) => {
    kept.value = next
    ranging.value = false
  }
  const clear = () => {
    setSelection(nothingChosen)
    // the button that was pressed disappears
    document.querySelector<HTMLElement>('.grid-frame')?.focus()
  }
  return { selection: kept.value, setSelection, ranging, clear }
}

/** For screen readers. */
function ChosenStatus({ count, isRanging }: { count: number; isRanging: boolean }) {
  return (
    <p class="unseen" role="status">
      {count > 0 && (isRanging ? lastOfRange : `${picturesText(count)} chosen`)}
    </p>
  )
}

function removeChosen(gallery: string, chosen: readonly { id: string }[], clear: () => void): void {
  clear()
  removeUnlessUndone({ gallery, ids: new Set(chosen.map(({ id }) => id)) })
}

function searchWith([id = '', ...like]: readonly string[]): void {
  goTo('search', new URLSearchParams([['id', id], ...like.map((one) => ['like', one])]))
}

interface WallProps extends ImageGridProps {
  isEmpty: boolean
  isFiltered: boolean
}

function Wall({ isEmpty, isFiltered, ...grid }: WallProps) {
  if (!isEmpty) return <ImageGrid {...grid} />
  return (
    <div class="empty-wall hint">
      {isFiltered ? (
        <p>
          No picture has this label and matches the filter. <a href={addressTo('gallery')}>Show all pictures</a>
        </p>
      ) : (
        <p>
          There are no pictures yet.
          {may('ingest') && (
            <>
              {' '}
              <span class="drop-words">Drop some anywhere on this screen, or choose them above.</span>
              <span class="touch-words">Choose some above.</span>
            </>
          )}
        </p>
      )}
    </div>
  )
}

/** Pictures with this label, or all of them. */
function totalOf(counts: readonly { label: string | null; count: number }[], label: string | undefined): number {
  return counts
    .filter((one) => label === undefined || one.label === (label || null))
    .reduce((sum, { count }) => sum + count, 0)
}
