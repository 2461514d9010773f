/** The result of an upload: how many pictures are stored, and which failed and why. */
import { Needs } from '../controls/needs.js'
import { FailedImages } from '../jobs/failed-images.js'
import type { SendResult } from './send-images.js'

export function resultText({ stored, skipped, failed }: SendResult): string {
  return [
    `${stored.toLocaleString('en')} stored`,
    ...(skipped > 0 ? [`${skipped.toLocaleString('en')} skipped (already stored, or not a picture)`] : []),
    ...(failed.length > 0 ? [`${failed.length.toLocaleString('en')} failed`] : []),
  ].join(', ')
}

export interface UploadResultProps {
  result: SendResult
  onAgain: () => void
  onClose: () => void
}

export function UploadResult({ result, onAgain, onClose }: UploadResultProps) {
  const { failed } = result
  return (
    <div class="stack">
      <div class="row">
        <p role="status">{resultText(result)}</p>
        <button type="button" class="quiet" aria-label="Close the result" onClick={onClose}>
          ×
        </button>
      </div>
      {failed.length > 0 && (
        <>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: scrollable content must be reachable by keyboard */}
          <ul class="upload-errors" tabIndex={0} aria-label="Pictures that failed">
            <FailedImages failed={failed} shownMax={200} />
          </ul>
          <Needs to="ingest" otherwise="nothing">
            <div class="row">
              <button type="button" onClick={onAgain}>
                Send only these again
              </button>
            </div>
          </Needs>
        </>
      )}
    </div>
  )
}
