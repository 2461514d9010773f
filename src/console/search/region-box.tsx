/** The query picture and its relevant region, drawn with the pointer or typed. */
import { useRef, useState } from 'preact/hooks'
import { isForBrowser } from '../controls/browser-keys.js'
import { PathText } from '../controls/path-text.js'
import { useBlobUrl } from '../controls/use-blob-url.js'
import { boxBetween, moved, type Point } from './region.js'
import type { Region } from './search-query.js'

export interface RegionBoxProps {
  image: File
  region: Region | undefined
  onRegion: (region: Region | undefined) => void
}

export function RegionBox({ image, region, onRegion }: RegionBoxProps) {
  const frame = useRef<HTMLButtonElement>(null)
  const [from, setFrom] = useState<Point>()
  const [drawn, setDrawn] = useState<Region>()
  const address = useBlobUrl(image)
  const [unshown, setUnshown] = useState(false)
  const placeOf = (event: PointerEvent): Point => {
    const { left, top, width, height } = frame.current!.getBoundingClientRect()
    return { x: (event.clientX - left) / width, y: (event.clientY - top) / height }
  }
  const begin = (event: PointerEvent) => {
    // a second finger zooms the page
    if (!event.isPrimary || event.button !== 0) return drop()
    frame.current!.setPointerCapture(event.pointerId)
    setFrom(placeOf(event))
  }
  const drop = () => {
    setFrom(undefined)
    setDrawn(undefined)
  }
  const end = () => {
    if (from !== undefined && drawn !== undefined) onRegion(drawn)
    drop()
    // for the keys: Safari gives no focus to a button that is pressed
    frame.current!.focus({ preventScroll: true })
  }
  const key = (event: KeyboardEvent) => {
    if (isForBrowser(event)) return
    const next = event.key === 'Escape' ? 'none' : moved(region, event.key, event.shiftKey)
    if (next === undefined) return
    event.preventDefault()
    onRegion(next === 'none' ? undefined : next)
  }
  const box = drawn ?? region
  if (unshown) return <Unshown image={image} />
  return (
    <figure class="example">
      <button
        type="button"
        ref={frame}
        class="region-frame"
        aria-label={`${image.name}. Drag to search with a part of it; arrow keys move the part, with Shift they size it, Escape takes the whole.`}
        onPointerDown={begin}
        onPointerMove={(event) => from && setDrawn(boxBetween(from, placeOf(event)))}
        onPointerUp={end}
        onPointerCancel={drop}
        onKeyDown={key}
      >
        <img src={address} alt="" draggable={false} onError={() => setUnshown(true)} />
        {box && <span class="region-box" style={styleOf(box)} />}
      </button>
      <Caption image={image} region={region} onRegion={onRegion} />
    </figure>
  )
}

/** The service may know its format. */
function Unshown({ image }: { image: File }) {
  return (
    <p class="example-text">
      <PathText path={image.name} /> <span class="hint">This browser cannot show it.</span>
    </p>
  )
}

function styleOf({ x, y, width, height }: Region) {
  return { left: `${x * 100}%`, top: `${y * 100}%`, width: `${width * 100}%`, height: `${height * 100}%` }
}

function Caption({ image, region, onRegion }: RegionBoxProps) {
  return (
    <figcaption>
      <PathText path={image.name} />{' '}
      {region === undefined ? (
        <span class="hint">Drag over the picture to search with a region.</span>
      ) : (
        <button type="button" class="quiet" onClick={() => onRegion(undefined)}>
          Use the whole picture
        </button>
      )}
    </figcaption>
  )
}
