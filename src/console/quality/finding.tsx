/** The pictures of a finding side by side, each with its label. */
import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { PathText } from '../controls/path-text.js'
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
        <PathText path={id} />
      </span>
      {note !== undefined && <span class="hint">{note}</span>}
      {children}
    </div>
  )
}

/** The first pictures of a group, and on demand the others: a decision is about all of them. */
export function FirstOf<One>({ all, first, children }: FirstOfProps<One>) {
  const [shown, setShown] = useState(first)
  return (
    <>
      {all.slice(0, shown).map(children)}
      {all.length > shown && (
        <button type="button" class="finding-more" onClick={() => setShown(all.length)}>
          Show all {all.length.toLocaleString('en')}
        </button>
      )}
    </>
  )
}

interface FirstOfProps<One> {
  all: readonly One[]
  first: number
  children: (one: One) => ComponentChildren
}

export interface FindingListProps {
  title: string
  count: number
  /** How many of them are listed. */
  listed: number
  children: ComponentChildren
  /** Whether several findings fit beside each other. */
  small?: boolean
}

export function FindingList({ title, count, listed, children, small = false }: FindingListProps) {
  return (
    <section class="stack" aria-label={title}>
      <h2>
        {title} <span class="hint">({count.toLocaleString('en')})</span>
      </h2>
      {listed > 0 && listed < count && (
        <p class="hint">The first {listed.toLocaleString('en')} are listed: look again once they are decided.</p>
      )}
      {listed === 0 ? (
        <p class="hint">{count === 0 ? 'None.' : 'All that were listed are decided: look again for the others.'}</p>
      ) : (
        <ul class={small ? 'findings findings-small' : 'findings'}>{children}</ul>
      )}
    </section>
  )
}
