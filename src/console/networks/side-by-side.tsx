/** Searches two galleries, or two networks of one gallery, with the same picture: shows common and differing hits. */
import { useState } from 'preact/hooks'
import { galleries } from '../api/galleries.js'
import { FileButton } from '../controls/file-button.js'
import { Needs } from '../controls/needs.js'
import { Fault } from '../controls/notice.js'
import { PathText } from '../controls/path-text.js'
import { Thumbnail } from '../controls/thumbnail.js'
import { type Loaded, useLoaded } from '../controls/use-loaded.js'
import { writeAddress } from '../routing/address.js'
import { goTo, route } from '../routing/route.js'
import { imageOf, keepImage } from '../search/given-images.js'
import { hasExample, readQuery, type SearchQuery, withExample, writeQuery } from '../search/search-query.js'
import { type SearchAnswer, search } from '../search/use-search.js'
import { loadSets } from './use-sets.js'

const hitsShown = 12

interface SideBySideProps {
  gallery: string
  models: readonly { id: string; name: string }[]
}

export function SideBySide({ gallery, models }: SideBySideProps) {
  const known = galleries.value ?? []
  // as on the search screen, so that Back works here too
  const asked = readQuery(route.value.settings)
  const query = { ...asked, k: hitsShown }
  const left = useSide(gallery || known[0]?.name, query)
  const other = known.find(({ name }) => name !== left.gallery)?.name
  // a stored picture is one of its gallery
  const right = useSide(query.imageId === undefined ? (other ?? left.gallery) : left.gallery, query)
  const give = (file: File | undefined) => {
    if (file !== undefined) goTo('networks', writeQuery(withExample(asked, { picture: keepImage(file) })))
  }
  // the ones before may be of other galleries
  const [ofLeft, ofRight] = [left.found.current, right.found.current]
  const isSame = left.gallery === right.gallery && ofLeft?.modelId === ofRight?.modelId
  const same = commonIds(ofLeft, isSame ? undefined : ofRight)
  if (known.length === 0) return null
  return (
    <section class="network stack" aria-label="Side by side">
      <h2>Side by side</h2>
      <p class="hint">
        Searches two galleries, or two networks of one gallery, with the same picture; hits that both find are framed.
      </p>
      <div class="row">
        <FileButton name="Choose a picture" primary accept="image/*" onFiles={([file]) => give(file)} />
        {hasExample(query) && <PathText path={query.imageId ?? query.url ?? imageOf(query.picture)?.name ?? ''} />}
      </div>
      {isSame && ofLeft !== undefined && (
        <p role="status">Both sides are the same: choose another gallery or network for one of them.</p>
      )}
      <div class="pair-of-galleries">
        <Side name="First gallery" {...left} same={same} models={models} />
        <Side name="Second gallery" {...right} same={same} models={models} />
      </div>
    </section>
  )
}

/** The query and results of one side. */
interface AskedSide {
  gallery: string | undefined
  onGallery: (gallery: string) => void
  /** Model of the set to search; undefined for the serving set. */
  set: string | undefined
  onSet: (set: string | undefined) => void
  found: Loaded<SearchAnswer | undefined>
}

/** @param first gallery to search until another one is chosen */
function useSide(first: string | undefined, query: SearchQuery): AskedSide {
  const [{ gallery, set }, ask] = useState<{ gallery: string | undefined; set?: string | undefined }>({
    gallery: first,
  })
  return {
    gallery,
    onGallery: (name) => ask({ gallery: name }),
    set,
    onSet: (model) => ask({ gallery, set: model }),
    found: useAnswer(gallery, query, set),
  }
}

interface SideProps extends AskedSide {
  name: string
  /** Ids that the other side found too. */
  same: ReadonlySet<string>
  models: SideBySideProps['models']
}

function Side({
  name,
  gallery,
  onGallery,
  set,
  onSet,
  found: { current: answer, error, reload },
  same,
  models,
}: SideProps) {
  const nameOf = (id: string) => models.find((one) => one.id === id)?.name ?? id
  const { value: others = [] } = useLoaded((signal) => readySets(gallery, signal), [gallery, galleries.value])
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
      {others.length > 0 && (
        <Needs to="admin">
          <label class="row">
            Network
            <select
              value={set ?? ''}
              onChange={({ currentTarget: { value } }) => onSet(value === '' ? undefined : value)}
            >
              <option value="">the serving one</option>
              {others.map((modelId) => (
                <option key={modelId} value={modelId}>
                  {nameOf(modelId)}
                </option>
              ))}
            </select>
          </label>
        </Needs>
      )}
      {error !== undefined && <Fault error={error} onAgain={reload} />}
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
      <a
        class="side-picture"
        href={writeAddress({ screen: 'search', gallery, settings: new URLSearchParams({ id }) })}
        aria-label={`Search with ${id}${isSame ? ', in both' : ''}`}
      >
        <Thumbnail gallery={gallery} id={id} />
      </a>
      <bdi class="chip">{label ?? 'no label'}</bdi>
      <span class="mono hint">
        {score.toFixed(3)}
        {pSame !== undefined && ` · ${Math.round(pSame * 100)} %`}
      </span>
    </li>
  )
}

/** Models of complete sets that are not serving. */
async function readySets(gallery: string | undefined, signal: AbortSignal): Promise<string[]> {
  if (gallery === undefined) return []
  const sets = await loadSets(gallery, signal)
  return sets.flatMap(({ modelId, state }) => (state === 'ready' || state === 'kept' ? modelId : []))
}

function useAnswer(
  gallery: string | undefined,
  query: SearchQuery,
  set: string | undefined,
): Loaded<SearchAnswer | undefined> {
  return useLoaded(
    async (signal) => {
      if (!hasExample(query) || gallery === undefined) return undefined
      return search(gallery, query, signal, set)
    },
    // also reload after a build or a switch, because another network may serve
    [writeQuery(query).toString(), gallery, set, galleries.value],
  )
}

function commonIds(a: SearchAnswer | undefined, b: SearchAnswer | undefined): ReadonlySet<string> {
  const ids = new Set(a?.hits.map(({ id }) => id))
  return new Set(b?.hits.flatMap(({ id }) => (ids.has(id) ? [id] : [])))
}
