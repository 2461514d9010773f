/** One picture asked of two galleries at once: those of two networks, or two stages of one collection. */
import { useState } from 'preact/hooks'
import { galleries } from '../api/galleries.js'
import { Fault } from '../controls/notice.js'
import { Thumbnail } from '../controls/thumbnail.js'
import { useLoaded } from '../controls/use-loaded.js'
import { keepPicture, pictureOf } from '../search/given-pictures.js'
import { readQuery } from '../search/search-query.js'
import { search } from '../search/use-search.js'

const hitsShown = 12

export function SideBySide({ gallery }: { gallery: string }) {
  const known = galleries.value ?? []
  const [token, setToken] = useState<string>()
  const [left, setLeft] = useState(gallery || known[0]?.name)
  const [right, setRight] = useState(known.find(({ name }) => name !== left)?.name ?? left)
  if (known.length === 0) return null
  return (
    <section class="network stack" aria-label="Side by side">
      <h2>Side by side</h2>
      <p class="hint">
        The same picture asked of two galleries; galleries that were made by different networks show how these differ.
      </p>
      <div class="row">
        <label class="button primary">
          Choose a picture
          <input
            class="unseen"
            type="file"
            accept="image/*"
            onChange={({ currentTarget }) => currentTarget.files?.[0] && setToken(keepPicture(currentTarget.files[0]))}
          />
        </label>
        {token !== undefined && <bdi>{pictureOf(token)?.name}</bdi>}
      </div>
      <div class="pair-of-galleries">
        <Side name="First gallery" gallery={left} onGallery={setLeft} token={token} />
        <Side name="Second gallery" gallery={right} onGallery={setRight} token={token} />
      </div>
    </section>
  )
}

interface SideProps {
  name: string
  gallery: string | undefined
  onGallery: (gallery: string) => void
  token: string | undefined
}

function Side({ name, gallery, onGallery, token }: SideProps) {
  const { value: answer, error } = useLoaded(
    async (signal) => {
      if (token === undefined || gallery === undefined) return undefined
      const query = { ...readQuery(new URLSearchParams()), picture: token, k: hitsShown }
      return search(gallery, query, signal)
    },
    [token, gallery],
  )
  return (
    <div class="stack">
      <label class="row">
        {name}
        <select value={gallery} onChange={({ currentTarget }) => onGallery(currentTarget.value)}>
          {(galleries.value ?? []).map((one) => (
            <option key={one.name}>{one.name}</option>
          ))}
        </select>
      </label>
      {error !== undefined && <Fault error={error} />}
      {answer !== undefined && gallery !== undefined && (
        <>
          <p class="hint">
            network <span class="mono">{answer.modelId}</span>, {answer.durations.totalMs.toFixed(1)} ms
          </p>
          <ul class="side-hits">
            {answer.hits.map(({ id, label, score, pSame }) => (
              <li key={id}>
                <span class="side-picture">
                  <Thumbnail gallery={gallery} id={id} alt={id} />
                </span>
                <bdi class="chip">{label ?? 'no label'}</bdi>
                <span class="mono hint">
                  {score.toFixed(3)}
                  {pSame !== undefined && ` · ${Math.round(pSame * 100)} %`}
                </span>
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  )
}
