/** One picture asked of two galleries at once: those of two networks, or two stages of one collection. */
import { useState } from 'preact/hooks'
import { galleries } from '../api/galleries.js'
import { Fault } from '../controls/notice.js'
import { Thumbnail } from '../controls/thumbnail.js'
import { type Loaded, useLoaded } from '../controls/use-loaded.js'
import { imageOf, keepImage } from '../search/given-images.js'
import { readQuery } from '../search/search-query.js'
import { type SearchAnswer, search } from '../search/use-search.js'

const hitsShown = 12

interface SideBySideProps {
  gallery: string
  models: readonly { id: string; name: string }[]
}

export function SideBySide({ gallery, models }: SideBySideProps) {
  const known = galleries.value ?? []
  const [token, setToken] = useState<string>()
  const [left, setLeft] = useState(gallery || known[0]?.name)
  const [right, setRight] = useState(known.find(({ name }) => name !== left)?.name ?? left)
  const [ofLeft, ofRight] = [useAnswer(left, token), useAnswer(right, token)]
  const same = commonIds(ofLeft.value, left === right ? undefined : ofRight.value)
  if (known.length === 0) return null
  return (
    <section class="network stack" aria-label="Side by side">
      <h2>Side by side</h2>
      <p class="hint">
        The same picture asked of two galleries. Where different networks serve them, it shows how these differ: what
        both find is framed.
      </p>
      <div class="row">
        <label class="button primary">
          Choose a picture
          <input
            class="unseen"
            type="file"
            accept="image/*"
            onChange={({ currentTarget }) => currentTarget.files?.[0] && setToken(keepImage(currentTarget.files[0]))}
          />
        </label>
        {token !== undefined && <bdi>{imageOf(token)?.name}</bdi>}
      </div>
      <div class="pair-of-galleries">
        <Side name="First gallery" gallery={left} onGallery={setLeft} found={ofLeft} same={same} models={models} />
        <Side name="Second gallery" gallery={right} onGallery={setRight} found={ofRight} same={same} models={models} />
      </div>
    </section>
  )
}

interface SideProps {
  name: string
  gallery: string | undefined
  onGallery: (gallery: string) => void
  found: Loaded<SearchAnswer | undefined>
  /** Ids that the other side has found, too. */
  same: ReadonlySet<string>
  models: SideBySideProps['models']
}

function Side({ name, gallery, onGallery, found: { value: answer, error }, same, models }: SideProps) {
  const nameOf = (id: string) => models.find((one) => one.id === id)?.name ?? id
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
            <bdi>{nameOf(answer.modelId)}</bdi>, {answer.durations.totalMs.toFixed(1)} ms
          </p>
          <ul class="side-hits">
            {answer.hits.map((hit) => (
              <SideHit key={hit.id} gallery={gallery} hit={hit} isSame={same.has(hit.id)} />
            ))}
          </ul>
        </>
      )}
    </div>
  )
}

function SideHit({ gallery, hit, isSame }: { gallery: string; hit: SearchAnswer['hits'][number]; isSame: boolean }) {
  const { id, label, score, pSame } = hit
  return (
    <li class={isSame ? 'side-same' : ''}>
      <span class="side-picture">
        <Thumbnail gallery={gallery} id={id} alt={isSame ? `${id}, in both` : id} />
      </span>
      <bdi class="chip">{label ?? 'no label'}</bdi>
      <span class="mono hint">
        {score.toFixed(3)}
        {pSame !== undefined && ` · ${Math.round(pSame * 100)} %`}
      </span>
    </li>
  )
}

function useAnswer(gallery: string | undefined, token: string | undefined): Loaded<SearchAnswer | undefined> {
  return useLoaded(
    async (signal) => {
      if (token === undefined || gallery === undefined) return undefined
      const query = { ...readQuery(new URLSearchParams()), picture: token, k: hitsShown }
      return search(gallery, query, signal)
    },
    [token, gallery],
  )
}

function commonIds(a: SearchAnswer | undefined, b: SearchAnswer | undefined): ReadonlySet<string> {
  const ids = new Set(a?.hits.map(({ id }) => id))
  return new Set(b?.hits.flatMap(({ id }) => (ids.has(id) ? [id] : [])))
}
