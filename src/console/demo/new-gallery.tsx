/** Creates an empty gallery. */
import { useState } from 'preact/hooks'
import { loadGalleries } from '../api/galleries.js'
import { answerOf, type Schemas, service } from '../api/service.js'
import { Fault } from '../controls/notice.js'
import { goToGallery } from '../routing/route.js'

type Originals = Schemas['Gallery']['originals']

const originalsChoices: [Originals | '', string][] = [
  ['', 'originals: service default'],
  ['keep', 'originals are stored'],
  ['reference', 'originals stay where they are'],
  ['none', 'originals are not stored'],
]

export function NewGallery({ onMade }: { onMade?: () => void }) {
  const [name, setName] = useState('')
  const [originals, setOriginals] = useState<Originals | ''>('')
  const [error, setError] = useState<unknown>()
  const make = async (event: Event) => {
    event.preventDefault()
    setError(undefined)
    try {
      const body = originals === '' ? {} : { originals }
      await answerOf(service.PUT('/v1/galleries/{gallery}', { params: { path: { gallery: name } }, body }))
      await loadGalleries()
      onMade?.()
      goToGallery(name)
    } catch (reason) {
      setError(reason)
    }
  }
  return (
    <form class="row" onSubmit={make}>
      <input
        aria-label="Name of the new gallery"
        placeholder="holidays"
        required
        pattern="[A-Za-z0-9][A-Za-z0-9._\-]{0,63}"
        title="Letters, digits, dots, underscores, hyphens; at most 64"
        value={name}
        onInput={(event) => setName(event.currentTarget.value)}
      />
      <select
        aria-label="What becomes of the files"
        value={originals}
        onChange={({ currentTarget }) => setOriginals(currentTarget.value as Originals | '')}
      >
        {originalsChoices.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
      <button type="submit">Create</button>
      {error !== undefined && <Fault error={error} />}
    </form>
  )
}
