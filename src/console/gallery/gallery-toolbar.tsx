/** Selects which pictures of the gallery are shown, and acts on the gallery as a whole. */
import { useState } from 'preact/hooks'
import type { LabelCount } from '../api/galleries.js'
import { picturesText } from '../controls/counts.js'
import { Dialog } from '../controls/dialog.js'
import { Needs } from '../controls/needs.js'
import { submitting } from '../controls/use-action.js'
import { useLoaded } from '../controls/use-loaded.js'
import { readFilter } from '../filter/filter.js'
import { FilterBuilder } from '../filter/filter-builder.js'
import { loadFields } from '../filter/load-fields.js'
import { goTo, route } from '../routing/route.js'
import { DeleteGallery } from './delete-gallery.js'
import { GallerySettings } from './gallery-settings.js'
import type { ImageList } from './image-list.js'
import { NewGallery } from './new-gallery.js'

export interface GalleryToolbarProps {
  gallery: string
  /** Of all labels; undefined until loaded. */
  counts: LabelCount[] | undefined
  /** Pictures loaded so far that match the filter. */
  shown: number
  list: Pick<ImageList, 'ended' | 'error'>
  /** Number of pictures with the chosen label. */
  total: number
}

export function GalleryToolbar({ gallery, counts, shown, list, total }: GalleryToolbarProps) {
  const [open, setOpen] = useState<'filter' | 'new' | 'settings' | 'delete'>()
  // reloaded whenever the filter is opened, because pictures may have changed
  const filtering = open === 'filter'
  const { value: fields = [] } = useLoaded(
    async () => (filtering ? loadFields(gallery, counts) : []),
    [gallery, counts, filtering],
  )
  const { settings } = route.value
  const filterText = settings.get('filter')
  const change = (name: string, value: string | undefined) => {
    const next = new URLSearchParams(settings)
    if (value === undefined) next.delete(name)
    else next.set(name, value)
    goTo('gallery', next)
  }
  return (
    <div class="toolbar">
      <label class="row">
        Label
        <select
          value={settings.has('label') ? `=${settings.get('label')}` : ''}
          onChange={({ currentTarget: { value } }) => change('label', value === '' ? undefined : value.slice(1))}
        >
          <option value="">all</option>
          {counts?.map(({ label, count }) => (
            <option key={label} value={`=${label ?? ''}`}>
              {label ?? 'no label'} ({count.toLocaleString('en')})
            </option>
          ))}
        </select>
      </label>
      <button type="button" aria-pressed={filterText !== null} onClick={() => setOpen('filter')}>
        Filter{filterText !== null && ' (on)'}
      </button>
      <span class="hint" role="status">
        {filterText === null
          ? counts !== undefined && picturesText(total)
          : list.error === undefined && `${list.ended ? '' : 'at least '}${picturesText(shown)} found`}
      </span>
      <span class="toolbar-end row">
        <Needs to="write" otherwise="nothing">
          <button type="button" class="quiet" onClick={() => setOpen('new')}>
            New gallery
          </button>
        </Needs>
        <button type="button" class="quiet" onClick={() => setOpen('settings')}>
          Settings
        </button>
        <Needs to="admin" otherwise="nothing">
          <button type="button" class="quiet" onClick={() => setOpen('delete')}>
            Delete gallery
          </button>
        </Needs>
      </span>
      {filtering && (
        <Dialog title="Filter" onClose={() => setOpen(undefined)}>
          <form class="stack" onSubmit={submitting(() => setOpen(undefined))}>
            <FilterBuilder
              fields={fields}
              filter={filterText === null ? undefined : readFilter(filterText)}
              onFilter={(filter) => change('filter', filter && JSON.stringify(filter))}
              titled
            />
            <button type="submit" class="primary">
              Done
            </button>
          </form>
        </Dialog>
      )}
      {open === 'new' && (
        <Dialog title="New gallery" onClose={() => setOpen(undefined)}>
          <NewGallery onMade={() => setOpen(undefined)} />
        </Dialog>
      )}
      {open === 'settings' && <GallerySettings gallery={gallery} onClose={() => setOpen(undefined)} />}
      {open === 'delete' && <DeleteGallery gallery={gallery} onClose={() => setOpen(undefined)} />}
    </div>
  )
}
