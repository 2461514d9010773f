/** The gallery as a map: pictures that the network considers similar are close together. */

import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { picturesText } from '../controls/counts.js'
import { momentText } from '../controls/dates.js'
import { keptSignal } from '../controls/kept.js'
import { Needs } from '../controls/needs.js'
import { Fault, Notice } from '../controls/notice.js'
import { useAction } from '../controls/use-action.js'
import { useLoaded } from '../controls/use-loaded.js'
import { useRemovals, useWithoutRemoved } from '../gallery/remove-unless-undone.js'
import { JobProgress } from '../jobs/job-progress.js'
import { useFollowedJob } from '../jobs/use-followed-job.js'
import { type Layout, readLayout, startLayout, unfinishedLayout } from './layout.js'
import { MapCanvas } from './map-canvas.js'
import { MapLegend } from './map-legend.js'
import { markOfDoubt, marksOfLabels, otherMark } from './map-marks.js'
import { MapSelection } from './map-selection.js'
import '../styles/gallery.css'
import '../styles/map.css'

export function MapScreen({ gallery }: { gallery: string }) {
  const { value: layout, error, loading, reload } = useLoaded((signal) => readLayout(gallery, signal), [gallery])
  const focusOnce = useFocusOfMap(layout)
  return (
    <div class="map-screen">
      <h1 class="unseen">Map</h1>
      <MakeLayout
        gallery={gallery}
        isNew={layout === undefined && error === undefined && !loading}
        stale={layout?.stale ?? false}
        onMade={() => {
          focusOnce()
          reload()
        }}
      />
      {error !== undefined && <Fault error={error} onAgain={reload} />}
      {layout?.pictures === 0 && <p class="hint">There were no pictures to lay out.</p>}
      {layout !== undefined && layout.pictures > 0 && <MadeMap gallery={gallery} layout={layout} onChanged={reload} />}
    </div>
  )
}

interface MadeMapProps {
  gallery: string
  layout: Layout
  onChanged: () => void
}

function MadeMap({ gallery, layout, onChanged }: MadeMapProps) {
  const by = keptSignal<'label' | 'doubt'>(`colours ${gallery}`, 'label')
  const selected = keptSignal<ReadonlySet<string>>(`selected ${gallery}`, new Set())
  const [tool, setTool] = useState<'move' | 'lasso'>('move')
  useRemovals(gallery, onChanged)
  const points = useWithoutRemoved(gallery, layout.points)
  const marks = useMemo(() => marksOfLabels(layout.points), [layout])
  const chosen = new Set(points.flatMap(({ id }) => (selected.value.has(id) ? id : [])))
  const choose = (ids: string[]) => {
    selected.value = new Set(ids)
  }
  const clear = () => {
    choose([])
    // the button that was pressed disappears
    document.querySelector<HTMLElement>('.map-frame')?.focus()
  }
  return (
    <>
      <div class="toolbar">
        <label class="row">
          Colours
          <select
            value={by.value}
            onChange={({ currentTarget: { value } }) => {
              by.value = value === 'doubt' ? 'doubt' : 'label'
            }}
          >
            <option value="label">by label</option>
            <option value="doubt">by doubt</option>
          </select>
        </label>
        <button type="button" onClick={() => setTool(tool === 'lasso' ? 'move' : 'lasso')}>
          {tool === 'lasso' ? 'Move the map' : 'Select with a lasso'}
        </button>
        <span class="hint">
          {picturesText(layout.pictures)}, laid out {momentText(layout.madeAt)}
        </span>
      </div>
      <MapLegend by={by.value} points={points} marks={marks} onChoose={choose} />
      <div class="gallery-body">
        <MapCanvas
          gallery={gallery}
          points={points}
          markOf={({ label, doubt }) => (by.value === 'doubt' ? markOfDoubt(doubt) : (marks.get(label) ?? otherMark))}
          chosen={chosen}
          tool={tool}
          onChoose={choose}
        />
        {chosen.size > 0 && <MapSelection gallery={gallery} ids={[...chosen]} onChanged={onChanged} onClear={clear} />}
      </div>
    </>
  )
}

/** The button that made the map is gone: the returned function gives the focus to the next map. */
function useFocusOfMap(layout: unknown): () => void {
  const isAwaited = useRef(false)
  useEffect(() => {
    if (!isAwaited.current || layout === undefined) return
    isAwaited.current = false
    const { activeElement } = document
    // until it was loaded the page may have given the focus to what is around
    if (activeElement === document.body || activeElement?.id === 'main')
      document.querySelector<HTMLElement>('.map-frame')?.focus({ preventScroll: true })
  }, [layout])
  return () => {
    isAwaited.current = true
  }
}

interface MakeLayoutProps {
  gallery: string
  isNew: boolean
  stale: boolean
  onMade: () => void
}

function MakeLayout({ gallery, isNew, stale, onMade }: MakeLayoutProps) {
  const { job, error, setJob } = useFollowedJob(undefined, onMade)
  const { busy, error: refusal, act } = useAction()
  // it may have been requested in an earlier visit, or by somebody else
  useEffect(() => {
    const leaving = new AbortController()
    unfinishedLayout(gallery, leaving.signal).then(
      (found) => found && setJob(found),
      () => undefined,
    )
    return () => leaving.abort()
  }, [gallery])
  const fault = refusal ?? error
  const isRunning = busy || (job?.finishedAt === null && error === undefined)
  const isTold = job !== undefined && job.state !== 'succeeded' && error === undefined
  if (!isNew && !stale && !isTold && fault === undefined) return null
  return (
    <div class={isNew ? 'invitation stack' : 'stack'}>
      {fault !== undefined && <Fault error={fault} />}
      {isNew && <h2>This gallery has no map yet</h2>}
      {isNew && <p>It shows all pictures at once, with similar ones close together.</p>}
      {!isNew && !isRunning && <Notice>The gallery has changed since this map was computed.</Notice>}
      <div class="row">
        <Needs to="layout">
          <button
            type="button"
            class="primary"
            aria-disabled={isRunning}
            onClick={() => isRunning || act(async () => setJob(await startLayout(gallery)))}
          >
            Make {isNew ? 'the' : 'a new'} map
          </button>
        </Needs>
      </div>
      {isTold && <JobProgress job={job} />}
    </div>
  )
}
