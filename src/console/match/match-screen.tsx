/** Explains a match: query and hit side by side, where the score comes from, and how far to trust it. */
import { useEffect, useState } from 'preact/hooks'
import { showThumbnail } from '../api/thumbnails.js'
import { Meter } from '../controls/meter.js'
import { Fault, Notice } from '../controls/notice.js'
import { useBlobUrl } from '../controls/use-blob-url.js'
import { useLoaded } from '../controls/use-loaded.js'
import { addressTo, route } from '../routing/route.js'
import { imageOf } from '../search/given-images.js'
import { readQuery, type SearchQuery, writeQuery } from '../search/search-query.js'
import { explain } from './explain.js'
import { HeatImage } from './heat-image.js'
import { MatchNeighbours } from './match-neighbours.js'
import { MatchTrust } from './match-trust.js'
import '../styles/match.css'

export function MatchScreen({ gallery }: { gallery: string }) {
  const { settings } = route.value
  const query = readQuery(settings)
  const hit = settings.get('hit') ?? ''
  // the one before explains other pictures
  const {
    current: explanation,
    error,
    reload,
  } = useLoaded((signal) => explain(gallery, query, hit, signal), [settings.toString()])
  const [shown, setShown] = useState(true)
  const [smooth, setSmooth] = useState(true)
  const queryAddress = useExampleAddress(gallery, query)
  const hitAddress = useThumbnailAddress(gallery, hit)
  const name = query.imageId ?? imageOf(query.picture)?.name ?? query.url ?? 'the query'

  return (
    <div class="stack">
      <div class="row">
        <h1>Why this matched</h1>
        <a class="button quiet" href={addressTo('search', writeQuery(query))}>
          Back to the hits
        </a>
      </div>
      {error !== undefined && <Fault error={error} onAgain={reload} />}
      {explanation === undefined && error === undefined && <Notice>Computing the explanation…</Notice>}
      <div class="pair">
        <HeatImage
          address={queryAddress}
          title={name}
          side={explanation?.query ?? null}
          shown={shown}
          smooth={smooth}
        />
        <HeatImage
          address={hitAddress}
          title={hit}
          side={explanation?.hit.places ?? null}
          shown={shown}
          smooth={smooth}
        />
      </div>
      {explanation !== undefined && (
        <>
          <div class="row">
            <button type="button" onClick={() => setShown(!shown)}>
              {shown ? 'Hide' : 'Show'} the map
            </button>
            <button type="button" onClick={() => setSmooth(!smooth)}>
              {smooth ? 'As squares' : 'Smooth'}
            </button>
            <span class="heat-scale">
              <span>lowers the score</span> <span class="heat-scale-bar" /> <span>raises the score</span>
            </span>
          </div>
          <div class="match-score">
            <strong>{explanation.score.toFixed(3)}</strong> score
            {explanation.pSame !== undefined && (
              <Meter
                share={explanation.pSame}
                label="Probability of the same label"
                text={`${Math.round(explanation.pSame * 100)} % same label`}
              />
            )}
          </div>
          <MatchTrust explanation={explanation} />
          <MatchNeighbours gallery={gallery} explanation={explanation} />
        </>
      )}
    </div>
  )
}

function useThumbnailAddress(gallery: string, id: string | undefined): string | undefined {
  const [address, setAddress] = useState<string>()
  useEffect(() => {
    setAddress(undefined)
    return id === undefined || id === '' ? undefined : showThumbnail({ gallery, id, onAddress: setAddress })
  }, [gallery, id])
  return address
}

function useExampleAddress(gallery: string, { imageId, picture }: SearchQuery): string | undefined {
  const stored = useThumbnailAddress(gallery, imageId)
  const given = useBlobUrl(imageOf(picture))
  return picture === undefined ? stored : given
}
