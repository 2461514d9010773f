/** Items of a list of failed pictures, each with its reason. */
import { PathText } from '../controls/path-text.js'
import type { FailedImage } from './read-job-errors.js'

export function FailedImages({ failed, shownMax }: { failed: readonly FailedImage[]; shownMax: number }) {
  return (
    <>
      {failed.slice(0, shownMax).map(({ name, code, detail }, place) => (
        <li key={place}>
          <PathText path={name} /> <span class="hint">{detail || code}</span>
        </li>
      ))}
      {failed.length > shownMax && <li class="hint">and {(failed.length - shownMax).toLocaleString('en')} more</li>}
    </>
  )
}
