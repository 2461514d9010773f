/** Some pictures of the gallery to start from. */

import { may } from '../api/caller.js'
import { answerOf, service } from '../api/service.js'
import { Fault } from '../controls/notice.js'
import { Thumbnail } from '../controls/thumbnail.js'
import { useLoaded } from '../controls/use-loaded.js'
import { addressTo } from '../routing/route.js'

const shown = 24

interface StartingPointsProps {
  gallery: string
  onPick: (id: string) => void
}

export function StartingPoints(props: StartingPointsProps) {
  return may('read') ? <SomeImages {...props} /> : <p class="hint">Give a picture to search with.</p>
}

function SomeImages({ gallery, onPick }: StartingPointsProps) {
  const { value: images = [], error, loading, reload } = useLoaded(() => someImages(gallery), [gallery])
  if (error !== undefined) return <Fault error={error} onAgain={reload} />
  if (images.length === 0)
    return loading ? (
      <p class="hint">Loading…</p>
    ) : (
      <div class="invitation stack">
        <h2>This gallery is empty</h2>
        <p>There is nothing to search in yet.</p>
        <a class="button primary" href={addressTo('gallery')}>
          Add pictures
        </a>
      </div>
    )
  return (
    <>
      <p class="hint">Give a picture to search with, or start with one of these.</p>
      <ul class="hits">
        {images.map(({ id, label }) => (
          <li key={id} class="hit">
            <button type="button" class="hit-picture" aria-label={`Search with ${id}`} onClick={() => onPick(id)}>
              <Thumbnail gallery={gallery} id={id} />
            </button>
            <p class="hit-line">
              <bdi class="chip">{label ?? 'no label'}</bdi>
            </p>
          </li>
        ))}
      </ul>
    </>
  )
}

/** Spread over the labels of one page of the gallery. */
async function someImages(gallery: string) {
  const query = { limit: 1_000 }
  const { images } = await answerOf(
    service.GET('/v1/galleries/{gallery}/images', { params: { path: { gallery }, query } }),
  )
  const step = Math.max(1, images.length / shown)
  return Array.from({ length: Math.min(shown, images.length) }, (_, place) => images[Math.floor(place * step)]!)
}
