/** The pictures of a finding side by side, each with its label. */
import type { ComponentChildren } from 'preact'
import { Thumbnail } from '../controls/thumbnail.js'
import { addressTo } from '../routing/route.js'

export interface FindingImageProps {
  gallery: string
  id: string
  label: string | null
  note?: string | undefined
  children?: ComponentChildren
}

export function FindingImage({ gallery, id, label, note, children }: FindingImageProps) {
  return (
    <div class="finding-picture">
      <a href={addressTo('search', { id })} aria-label={`Search with ${id}`}>
        <Thumbnail gallery={gallery} id={id} />
      </a>
      <bdi class="chip">{label ?? 'no label'}</bdi>
      <span class="hint">
        <bdi>{id}</bdi>
        {note !== undefined && <>, {note}</>}
      </span>
      {children}
    </div>
  )
}

export function FindingList({ title, count, children }: { title: string; count: number; children: ComponentChildren }) {
  return (
    <section class="stack" aria-label={title}>
      <h2>
        {title} <span class="hint">({count.toLocaleString('en')})</span>
      </h2>
      {count === 0 ? <p class="hint">None.</p> : <ul class="findings">{children}</ul>}
    </section>
  )
}
