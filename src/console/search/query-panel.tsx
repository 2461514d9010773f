/** The query: a picture that is dropped, pasted, chosen, photographed or given by its URL. */
import { useLayoutEffect, useState } from 'preact/hooks'
import { caller } from '../api/caller.js'
import { FileButton } from '../controls/file-button.js'
import { PathText } from '../controls/path-text.js'
import { Thumbnail } from '../controls/thumbnail.js'
import { useDrop } from '../controls/use-drop.js'
import { Camera } from './camera.js'
import { imageOf, keepImage } from './given-images.js'
import { RegionBox } from './region-box.js'
import { type SearchQuery, withExample, withOpinion } from './search-query.js'
import { UrlField } from './url-field.js'

export interface QueryPanelProps {
  gallery: string
  query: SearchQuery
  onQuery: (query: SearchQuery) => void
}

export function QueryPanel({ gallery, query, onQuery }: QueryPanelProps) {
  const [camera, setCamera] = useState(false)
  const give = (file: File | undefined) => {
    if (file !== undefined) onQuery(withExample(query, { picture: keepImage(file) }))
  }
  usePastedImage(give)
  const over = useDrop(({ files }) => {
    // browsers do not know the type of every picture; the service does
    give([...files].find(isImage) ?? files[0])
  })

  return (
    <section class={over ? 'query over' : 'query'} aria-label="Picture to search with">
      <Example gallery={gallery} query={query} onQuery={onQuery} />
      <div class="row">
        <FileButton name="Choose a picture" primary accept="image/*" onFiles={([file]) => give(file)} />
        <button type="button" onClick={() => setCamera(true)}>
          Camera
        </button>
      </div>
      {caller.value?.urls && <UrlField onUrl={(url) => onQuery(withExample(query, { url }))} />}
      {camera && (
        <Camera
          onClose={() => setCamera(false)}
          onImage={(file) => {
            setCamera(false)
            give(file)
          }}
        />
      )}
      <Opinions gallery={gallery} query={query} onQuery={onQuery} />
    </section>
  )
}

function Example({ gallery, query, onQuery }: QueryPanelProps) {
  const file = imageOf(query.picture)
  if (file !== undefined)
    return (
      <RegionBox
        key={query.picture}
        image={file}
        region={query.region}
        onRegion={(region) => onQuery({ ...query, region })}
      />
    )
  if (query.imageId !== undefined)
    return (
      <figure class="example">
        <Thumbnail gallery={gallery} id={query.imageId} alt={`Stored picture ${query.imageId}`} />
        <figcaption>
          <PathText path={query.imageId} />
        </figcaption>
      </figure>
    )
  if (query.url !== undefined)
    return (
      <p class="example-text">
        The picture at <PathText path={query.url} />
      </p>
    )
  return <p class="drop-hint">Drop a picture anywhere, or paste one</p>
}

/** Pictures that hits should and should not resemble. */
function Opinions({ gallery, query, onQuery }: QueryPanelProps) {
  return (
    <>
      {(['like', 'unlike'] as const).map(
        (opinion) =>
          query[opinion].length > 0 && (
            <div key={opinion} class="opinions">
              <h2>{opinion === 'like' ? 'Also like these' : 'Unlike these'}</h2>
              <ul>
                {query[opinion].map((id) => (
                  <li key={id}>
                    <button
                      type="button"
                      aria-label={`Undo: ${opinion} ${id}`}
                      onClick={() => onQuery(withOpinion(query, id, opinion))}
                    >
                      <Thumbnail gallery={gallery} id={id} />
                    </button>
                  </li>
                ))}
              </ul>
            </div>
          ),
      )}
    </>
  )
}

function usePastedImage(give: (file: File | undefined) => void): void {
  // at once, not after the next frame: until then it would be pasted to the query before
  useLayoutEffect(() => {
    const paste = ({ clipboardData }: ClipboardEvent) => give([...(clipboardData?.files ?? [])].find(isImage))
    addEventListener('paste', paste)
    return () => removeEventListener('paste', paste)
  })
}

function isImage({ type }: File): boolean {
  return type.startsWith('image/')
}
