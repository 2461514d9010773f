/** Creates an empty gallery. */
import { useState } from 'preact/hooks'
import { caller } from '../api/caller.js'
import { galleries, loadGalleries } from '../api/galleries.js'
import { listModels } from '../api/models.js'
import { answerOf, service } from '../api/service.js'
import { Fault } from '../controls/notice.js'
import { submitting, useAction } from '../controls/use-action.js'
import { useLoaded } from '../controls/use-loaded.js'
import { writeAddress } from '../routing/address.js'
import { goToAddress } from '../routing/route.js'
import { RuleFields, StorageFields } from './choice-fields.js'
import { type NewGalleryChoices, newGalleryBody, nothingNew } from './gallery-choices.js'
import { loadGalleryOptions } from './load-gallery-options.js'

export function NewGallery({ onMade }: { onMade?: () => void }) {
  const [name, setName] = useState('')
  const [choices, setChoices] = useState(nothingNew)
  const { busy, error, act } = useAction()
  const { value: options } = useLoaded(loadGalleryOptions, [])
  const reached = caller.value?.galleries ?? null
  const change = (changed: Partial<NewGalleryChoices>) => setChoices((before) => ({ ...before, ...changed }))
  const make = async () => {
    // the service answers with the one that exists
    if (galleries.value?.some((one) => one.name === name)) throw new Error(`There is a gallery called ${name} already.`)
    const params = { path: { gallery: name } }
    await answerOf(service.PUT('/v1/galleries/{gallery}', { params, body: newGalleryBody(choices) }))
    await loadGalleries()
    onMade?.()
    // where pictures are added
    goToAddress(writeAddress({ screen: 'gallery', gallery: name, settings: new URLSearchParams() }))
  }
  return (
    <form class="stack" onSubmit={submitting(() => act(make))}>
      <div class="row">
        <input
          class="grow"
          aria-label="Name of the new gallery"
          placeholder="its name, such as holidays"
          required
          pattern="[A-Za-z0-9][A-Za-z0-9._\-]{0,63}"
          title="Letters a to z, digits, dots, underscores and hyphens, without blanks; it begins with a letter or digit and has at most 64"
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <button type="submit" aria-disabled={busy}>
          Create
        </button>
      </div>
      {reached !== null && <p class="hint">This key reaches galleries called {reached.join(', ')}.</p>}
      <details>
        <summary>Options</summary>
        <div class="stack options">
          <ModelField choices={choices} onChange={change} />
          {(options?.engines.length ?? 0) > 1 && (
            <StorageFields choices={choices} onChange={change} options={options} />
          )}
          <RuleFields choices={choices} onChange={change} options={options} standard />
        </div>
      </details>
      {error !== undefined && <Fault error={error} />}
    </form>
  )
}

/** With a single model there is nothing to choose. */
function ModelField({
  choices,
  onChange,
}: {
  choices: NewGalleryChoices
  onChange: (change: Partial<NewGalleryChoices>) => void
}) {
  const { value: models = [] } = useLoaded(listModels, [])
  if (models.length < 2) return null
  return (
    <label class="field">
      <span>Network</span>
      <select value={choices.model} onChange={({ currentTarget }) => onChange({ model: currentTarget.value })}>
        <option value="">service default ({models[0]!.name})</option>
        {models.map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </select>
    </label>
  )
}
