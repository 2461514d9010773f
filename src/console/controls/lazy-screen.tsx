/** A screen whose code is loaded when it is first shown. */
import type { ComponentType } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { Fault, Notice } from './notice.js'

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
  if (error !== undefined) return <Fault error={error} />
  if (loaded?.load !== load) return <Notice>Loading…</Notice>
  return <loaded.screen gallery={gallery} />
}
