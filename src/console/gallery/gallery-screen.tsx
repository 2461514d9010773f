/** The gallery: a wall of its pictures, to label, remove and add to. */
import { useEffect, useMemo, useState } from 'preact/hooks'
import { loadGalleries, loadLabels } from '../api/galleries.js'
import { forgetThumbnails } from '../api/thumbnails.js'
import { Needs } from '../controls/needs.js'
import { Fault } from '../controls/notice.js'
import { useLoaded } from '../controls/use-loaded.js'
import { goTo, route } from '../routing/route.js'
import { UploadPanel } from '../upload/upload-panel.js'
import { GalleryToolbar } from './gallery-toolbar.js'
import { ImageGrid, type ImageGridProps } from './image-grid.js'
import { ImageList } from './image-list.js'
import { removeUnlessUndone, useWithoutRemoved } from './remove-unless-undone.js'
import { nothingChosen } from './selection.js'
import { SelectionPanel } from './selection-panel.js'
import '../styles/gallery.css'

export function GalleryScreen({ gallery }: { gallery: string }) {
  const label = route.value.settings.get('label') ?? undefined
  const filterText = route.value.settings.get('filter') ?? undefined
  const { value: counts, error, reload } = useLoaded(() => loadLabels(gallery), [gallery])
  const { list, images, hidden, renew } = useImageList(gallery, label, filterText)
  const { selection, setSelection, clear } = useSelection(list)
  const chosen = images.filter(({ id }) => selection.ids.has(id))
  const refresh = () => {
    renew()
    reload()
    void loadGalleries()
  }
  const remove = () => {
    clear()
    removeUnlessUndone({ gallery, ids: selection.ids, onRemoved: refresh })
  }
  const total = totalOf(counts ?? [], label) - hidden
  const unread = list.ended ? 0 : 1
  const count = unread === 0 || filterText !== undefined ? images.length + unread : Math.max(total, images.length)

  return (
    <div class="gallery-screen">
      <h1 class="unseen">Gallery</h1>
      <GalleryToolbar gallery={gallery} counts={counts ?? []} shown={images.length} ended={list.ended} total={total} />
      <Needs to="ingest" otherwise="reason">
        <UploadPanel gallery={gallery} onEnd={refresh} />
      </Needs>
      {(error ?? list.error) !== undefined && <Fault error={error ?? list.error} />}
      <div class="gallery-body">
        <Wall
          isEmpty={counts !== undefined && count === 0}
          isFiltered={label !== undefined || filterText !== undefined}
          gallery={gallery}
          images={images}
          count={count}
          selection={selection}
          onSelection={setSelection}
          onWant={(count) => list.want(count + hidden)}
          onOpen={(id) => goTo('search', { id })}
        />
        {count > 0 && chosen.length === 0 && <SelectionHint />}
        {chosen.length > 0 && (
          <SelectionPanel
            gallery={gallery}
            labels={(counts ?? []).flatMap(({ label }) => label ?? [])}
            chosen={chosen}
            onChanged={(image) => list.replace(image)}
            onDone={reload}
            onSearch={searchWith}
            onRemove={remove}
            onClear={clear}
          />
        )}
      </div>
    </div>
  )
}

/** The list that is shown, loaded anew on `renew`; `hidden` of its pictures are not shown. */
function useImageList(gallery: string, label: string | undefined, filter: string | undefined) {
  const [round, setRound] = useState(0)
  const list = useMemo(() => new ImageList({ gallery, label, filter }), [gallery, label, filter, round])
  useEffect(() => () => list.close(), [list])
  list.version.value
  const renew = () => {
    forgetThumbnails(gallery)
    setRound((one) => one + 1)
  }
  const images = useWithoutRemoved(gallery, list.images)
  return { list, images, hidden: list.images.length - images.length, renew }
}

/** Of the shown list only. */
function useSelection(list: ImageList) {
  const [selection, setSelection] = useState(nothingChosen)
  useEffect(() => setSelection(nothingChosen), [list])
  const clear = () => {
    setSelection(nothingChosen)
    // the button that was pressed disappears
    document.querySelector<HTMLElement>('.grid-frame')?.focus()
  }
  return { selection, setSelection, clear }
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
    <p class="empty-wall hint">
      {isFiltered ? 'No picture has this label and matches the filter.' : 'There are no pictures yet.'}
    </p>
  )
}

function SelectionHint() {
  return (
    <aside class="selection-panel selection-hint hint" aria-label="Selected pictures">
      Choose pictures to see, search with, label or delete them: click, or move with the arrow keys and press Space.
      Shift chooses all between, a double click or Enter searches.
    </aside>
  )
}

/** Pictures with this label, or all of them. */
function totalOf(counts: readonly { label: string | null; count: number }[], label: string | undefined): number {
  return counts
    .filter((one) => label === undefined || one.label === (label || null))
    .reduce((sum, { count }) => sum + count, 0)
}
