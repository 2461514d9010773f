/** A stored picture's thumbnail, loaded when it scrolls into view. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { may } from '../api/caller.js'
import { showThumbnail } from '../api/thumbnails.js'
import { PathText } from './path-text.js'
import { watchSight } from './sight.js'

export interface ThumbnailProps {
  gallery: string
  id: string
  contentHash?: string | undefined
  /** Omit it if the surrounding element already has a name. */
  alt?: string | undefined
}

export function Thumbnail({ gallery, id, contentHash, alt = '' }: ThumbnailProps) {
  const frame = useRef<HTMLSpanElement>(null)
  const [address, setAddress] = useState<string>()
  const [missing, setMissing] = useState(false)
  const isAllowed = may('read')

  useEffect(() => {
    let hide = () => {}
    setAddress(undefined)
    setMissing(false)
    const stopWatching = watchSight(frame.current, {
      margin: '200px',
      onChange: (isInSight) => {
        if (!isInSight) return
        stopWatching()
        hide = showThumbnail({ gallery, id, contentHash, onAddress: setAddress, onMissing: () => setMissing(true) })
      },
    })
    return () => {
      stopWatching()
      hide()
    }
  }, [gallery, id, contentHash, isAllowed])

  return (
    <span class="thumbnail" ref={frame}>
      {address !== undefined && <img src={address} alt={alt} draggable={false} />}
      {missing && <span class="thumbnail-missing">{isAllowed ? 'no thumbnail' : <PathText path={id} />}</span>}
    </span>
  )
}
