/** Shows a picture as it was stored. It is fetched here because a plain link cannot carry a key. */
import { useState } from 'preact/hooks'
import { fetchFrom } from '../api/service.js'
import { Dialog } from '../controls/dialog.js'
import { Fault, Notice } from '../controls/notice.js'
import { PathText } from '../controls/path-text.js'
import { useBlobUrl } from '../controls/use-blob-url.js'
import { useLoaded } from '../controls/use-loaded.js'

export interface OriginalViewProps {
  gallery: string
  id: string
  onClose: () => void
}

export function OriginalView({ gallery, id, onClose }: OriginalViewProps) {
  const { value: file, error, reload } = useLoaded((signal) => loadOriginal(gallery, id, signal), [gallery, id])
  const address = useBlobUrl(file)
  // not every format that the service reads
  const [unshown, setUnshown] = useState(false)
  return (
    <Dialog title={<PathText path={id} />} onClose={onClose} wide>
      <div class="stack">
        {error !== undefined && <Fault error={error} onAgain={reload} />}
        {file === undefined && error === undefined && <Notice>Loading…</Notice>}
        {unshown && <Notice>This browser cannot show {file?.type || 'this format'}.</Notice>}
        {address !== undefined && !unshown && (
          <img class="original" src={address} alt={id} onError={() => setUnshown(true)} />
        )}
        {address !== undefined && (
          <a class="button" href={address} download={id.split('/').at(-1)}>
            Download
          </a>
        )}
      </div>
    </Dialog>
  )
}

/** @throws ServiceError, also if the gallery does not keep originals */
async function loadOriginal(gallery: string, id: string, signal: AbortSignal): Promise<Blob> {
  return (await fetchFrom(`v1/galleries/${gallery}/images/${encodeURIComponent(id)}/original`, { signal })).blob()
}
