/** A screen whose code is loaded when it is first shown. */
import type { ComponentType } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { isAnswering, isLost, untilBack } from '../api/connection.js'
import { Notice } from './notice.js'

const loadFault =
  'This screen cannot be loaded: the service has been updated since this page was opened, or cannot be reached.'

export type ScreenLoader = () => Promise<ComponentType<{ gallery: string }>>

export function LazyScreen({ load, gallery }: { load: ScreenLoader; gallery: string }) {
  const [loaded, setLoaded] = useState<{ load: ScreenLoader; screen: ComponentType<{ gallery: string }> }>()
  const [isMissing, setMissing] = useState(false)
  useEffect(() => {
    let current = true
    setMissing(false)
    loadOnceReachable(load).then(
      (screen) => current && setLoaded({ load, screen }),
      () => current && setMissing(true),
    )
    return () => {
      current = false
    }
  }, [load])
  if (isMissing)
    return (
      <Notice kind="fault">
        <p>{loadFault}</p>
        <p>
          <button type="button" onClick={() => location.reload()}>
            Reload the page
          </button>
        </p>
      </Notice>
    )
  if (loaded?.load !== load) return <Notice>Loading…</Notice>
  return <loaded.screen gallery={gallery} />
}

const loadedBefore = new Set<ScreenLoader>()

/** Some browsers, such as Safari, load what failed again only with the page, and then say so: nothing is to fail. */
async function loadOnceReachable(load: ScreenLoader): ReturnType<ScreenLoader> {
  if (isLost.value && !loadedBefore.has(load)) await untilBack()
  const screen = await loadOrWait(load)
  loadedBefore.add(load)
  return screen
}

async function loadOrWait(load: ScreenLoader): ReturnType<ScreenLoader> {
  try {
    return await load()
  } catch (error) {
    if (await isAnswering()) throw error
    await untilBack()
    return load()
  }
}
