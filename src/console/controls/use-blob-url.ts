/** A URL for bytes that the page holds. */
import { useEffect, useState } from 'preact/hooks'

/** Undefined without bytes, and until the first rendering with them; valid while the component shows them. */
export function useBlobUrl(blob: Blob | undefined): string | undefined {
  const [url, setUrl] = useState<string>()
  useEffect(() => {
    if (blob === undefined) return setUrl(undefined)
    const made = URL.createObjectURL(blob)
    setUrl(made)
    return () => URL.revokeObjectURL(made)
  }, [blob])
  return url
}
