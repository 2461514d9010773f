/** Shown while there is no gallery: creates a demo gallery or an empty one. */
import { useState } from 'preact/hooks'
import { loadGalleries } from '../api/galleries.js'
import { Needs } from '../controls/needs.js'
import { Fault } from '../controls/notice.js'
import { NewGallery } from '../gallery/new-gallery.js'
import { JobProgress } from '../jobs/job-progress.js'
import { goToGallery } from '../routing/route.js'
import { type DemoProgress, makeDemoGallery } from './make-demo-gallery.js'

const counts = [240, 480, 2_000]

export function DemoScreen() {
  const [count, setCount] = useState(counts[1]!)
  const [progress, setProgress] = useState<DemoProgress>()
  const [error, setError] = useState<unknown>()
  const make = async () => {
    if (progress !== undefined) return
    setError(undefined)
    setProgress({ drawn: 0 })
    try {
      await makeDemoGallery({ name: 'demo', count, signal: new AbortController().signal, onProgress: setProgress })
      await loadGalleries()
      goToGallery('demo')
    } catch (reason) {
      setError(reason)
    } finally {
      setProgress(undefined)
    }
  }
  return (
    <div class="welcome stack">
      <h1>Welcome to Alike</h1>
      <p>Give it a picture, and it finds the most similar ones in a gallery of yours. There is no gallery yet.</p>
      <p>
        Draw one to try: boats, fish, flowers, houses, kites, snowmen, trees and trucks, drawn by this page and sent to
        the service like any picture. Some are copies and some have a wrong label, for the Quality screen to find.
      </p>
      <Needs to={['write', 'ingest', 'every gallery']}>
        <label class="field">
          <span>Pictures</span>
          <select value={count} onChange={({ currentTarget }) => setCount(Number(currentTarget.value))}>
            {counts.map((one) => (
              <option key={one} value={one}>
                {one.toLocaleString('en')}
              </option>
            ))}
          </select>
        </label>
        <button type="button" class="primary" aria-disabled={progress !== undefined} onClick={make}>
          Draw a demo gallery
        </button>
      </Needs>
      {progress !== undefined &&
        (progress.job === undefined ? (
          <progress max={count} value={progress.drawn} aria-label="Pictures drawn" />
        ) : (
          <JobProgress job={progress.job} />
        ))}
      {error !== undefined && <Fault error={error} />}
      <Needs to="write" otherwise="nothing">
        <h2>Or start with an empty one</h2>
        <NewGallery />
      </Needs>
    </div>
  )
}
