/** A screen whose code is loaded when it is first shown. */
import type { ComponentType } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { Fault, Notice } from './notice.js'

/** Browsers say which file is missing, and load it again only with the page. */
const loadFault =
  'This screen cannot be loaded: the service has been updated since this page was opened, or cannot be reached.'

export type ScreenLoader = () => Promise<ComponentType<{ gallery: string }>>

export function LazyScreen({ load, gallery }: { load: ScreenLoader; gallery: string }) {
  const [loaded, setLoaded] = useState<{ load: ScreenLoader; screen: ComponentType<{ gallery: string }> }>()
  const [error, setError] = useState<unknown>()
  useEffect(() => {
    let current = true
    setError(undefined)
    load().then(
      (screen) => current && setLoaded({ load, screen }),
      (reason: unknown) => current && setError(reason),
    )
    return () => {
      current = false
    }
  }, [load])
  if (error !== undefined)
    return <Fault error={new Error(loadFault, { cause: error })} onAgain={() => location.reload()} />
  if (loaded?.load !== load) return <Notice>Loading…</Notice>
  return <loaded.screen gallery={gallery} />
}
