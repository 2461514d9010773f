/** A stored picture's thumbnail, loaded when it scrolls into view. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { releaseThumbnail, takeThumbnail } from '../api/thumbnails.js'

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

  useEffect(() => {
    const leaving = new AbortController()
    let taken = false
    setAddress(undefined)
    setMissing(false)
    const stopWatching = whenInSight(frame.current, async () => {
      try {
        const found = await takeThumbnail({ gallery, id, contentHash, signal: leaving.signal })
        if (leaving.signal.aborted) return releaseThumbnail({ gallery, id, contentHash })
        taken = true
        setAddress(found)
      } catch {
        if (!leaving.signal.aborted) setMissing(true)
      }
    })
    return () => {
      stopWatching()
      leaving.abort()
      if (taken) releaseThumbnail({ gallery, id, contentHash })
    }
  }, [gallery, id, contentHash])

  return (
    <span class="thumbnail" ref={frame}>
      {address !== undefined && <img src={address} alt={alt} draggable={false} />}
      {missing && <span class="thumbnail-missing">no thumbnail</span>}
    </span>
  )
}

function whenInSight(element: Element | null, act: () => Promise<void>): () => void {
  if (element === null) return () => undefined
  const observer = new IntersectionObserver(
    ([entry]) => {
      if (entry?.isIntersecting !== true) return
      observer.disconnect()
      void act()
    },
    { rootMargin: '200px' },
  )
  observer.observe(element)
  return () => observer.disconnect()
}
