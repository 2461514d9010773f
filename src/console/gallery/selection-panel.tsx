/** Actions on the selected pictures: change the label or metadata, or remove them. */
import type { Signal } from '@preact/signals'
import { useState } from 'preact/hooks'
import { picturesText } from '../controls/counts.js'
import { Needs } from '../controls/needs.js'
import { PathText } from '../controls/path-text.js'
import { useAction } from '../controls/use-action.js'
import { addressTo } from '../routing/route.js'
import { MetadataList } from '../search/metadata-list.js'
import { changeImages, type ImageChange, sayChanged } from './change-images.js'
import type { GalleryImage } from './image-list.js'
import { LabelForm } from './label-form.js'
import { OriginalView } from './original-view.js'

export interface SelectionPanelProps {
  gallery: string
  labels: string[]
  chosen: readonly GalleryImage[]
  onChanged: (image: GalleryImage) => void
  /** All have been changed, as far as possible. */
  onDone: () => void
  onSearch: (ids: string[]) => void
  onRemove: () => void
  onClear: () => void
  /** Whether the next tap selects everything up to it. */
  ranging: Signal<boolean>
}

export const lastOfRange = 'Tap the last picture.'

export function SelectionPanel(props: SelectionPanelProps) {
  const { gallery, labels, chosen, onChanged, onDone, onSearch, onRemove, onClear, ranging } = props
  const [isOpen, setOpen] = useState(false)
  const { busy, act } = useAction()
  const apply = (change: ImageChange) =>
    act(async () => {
      const failed = await changeImages({ gallery, images: chosen, change, onChanged })
      onDone()
      sayChanged(chosen.length, failed)
    })
  const [only] = chosen
  return (
    <aside class={`selection-panel stack${isOpen ? '' : ' panel-folded'}`} aria-label="Selected pictures">
      <div class="row">
        <h2>{picturesText(chosen.length)}</h2>
        <button type="button" class="quiet" onClick={onClear}>
          Choose none
        </button>
        <button type="button" class="panel-fold" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          Actions
        </button>
      </div>
      <div class="touch-words panel-range">
        <div class="row">
          <button
            type="button"
            class="quiet"
            aria-pressed={ranging.value}
            onClick={() => (ranging.value = !ranging.value)}
          >
            Choose up to…
          </button>
          <span class="hint">{ranging.value ? lastOfRange : 'or hold a picture and drag'}</span>
        </div>
      </div>
      {chosen.length === 1 && only !== undefined && (
        <div>
          <PathText path={only.id} />
          <p>
            <bdi class="chip">{only.label ?? 'no label'}</bdi>
          </p>
          <p class="hint">
            {only.width} × {only.height}, {only.format}, {Math.ceil(only.bytes / 1024)} kB
          </p>
          <OneImage key={only.id} gallery={gallery} image={only} />
          <MetadataList metadata={only.metadata} />
        </div>
      )}
      <Needs to="write">
        <LabelForm labels={labels} busy={busy} onLabel={(label) => apply({ label })} />
        <MetadataForm busy={busy} onMetadata={(metadata) => apply({ metadata })} />
      </Needs>
      <Needs to="search" otherwise="nothing">
        <button type="button" onClick={() => onSearch(chosen.slice(0, 100).map(({ id }) => id))}>
          Search with {chosen.length === 1 ? 'it' : 'them'}
        </button>
      </Needs>
      <Needs to={['write', 'delete']} otherwise="nothing">
        <button type="button" class="danger" onClick={onRemove}>
          Delete
        </button>
      </Needs>
    </aside>
  )
}

/** What can be done with a single picture. */
function OneImage({ gallery, image: { id, reference, referenceHasQuery } }: { gallery: string; image: GalleryImage }) {
  const [viewed, view] = useState(false)
  return (
    <>
      {reference !== undefined && (
        <p class="hint">
          from{' '}
          <span class="mono">
            <PathText path={reference} />
          </span>
          {referenceHasQuery === true && ' (its query is not shown)'}
        </p>
      )}
      <div class="row">
        <button type="button" class="quiet" onClick={() => view(true)}>
          View the original
        </button>
        <Needs to="search" otherwise="nothing">
          <a class="button quiet" href={addressTo('search', { id, copies: '1' })}>
            Its copies
          </a>
          <a class="button quiet" href={addressTo('networks', { id })}>
            Compare networks
          </a>
        </Needs>
      </div>
      {viewed && <OriginalView gallery={gallery} id={id} onClose={() => view(false)} />}
    </>
  )
}

function MetadataForm({
  busy,
  onMetadata,
}: {
  busy: boolean
  onMetadata: (metadata: Record<string, unknown>) => void
}) {
  const [name, setName] = useState('')
  const [text, setText] = useState('')
  return (
    <form
      class="row"
      onSubmit={(event) => {
        event.preventDefault()
        onMetadata({ [name]: valueOfText(text) })
      }}
    >
      <input
        class="grow"
        aria-label="Name of the metadata"
        placeholder="name"
        required
        value={name}
        onInput={({ currentTarget }) => setName(currentTarget.value)}
      />
      <input
        class="grow"
        aria-label="Value of the metadata, as JSON or text"
        placeholder="value, or none"
        dir="auto"
        value={text}
        onInput={({ currentTarget }) => setText(currentTarget.value)}
      />
      <button type="submit" aria-disabled={busy}>
        Set metadata
      </button>
    </form>
  )
}

/** Empty removes it; anything that is not JSON becomes a string. */
function valueOfText(text: string): unknown {
  if (text.trim() === '') return null
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
