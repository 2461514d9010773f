/** Reads what the key may do again while the page is open: a key can be given other permissions, or be revoked. */
import { useEffect, useRef } from 'preact/hooks'
import { caller, loadCaller } from '../api/caller.js'
import { renewGalleries } from '../api/galleries.js'
import { callsForbidden } from '../api/key.js'

const everyMs = 60_000

/** When a call is forbidden, when the page is shown again, and every minute while it is shown. */
export function usePermissions(): void {
  const isReading = useRef(false)
  const read = async () => {
    const before = caller.value
    // without keys, everyone may do everything
    if (isReading.current || document.hidden || before === undefined || before.name === null) return
    isReading.current = true
    // a key that is refused is asked for; otherwise the last answer is the best known
    await loadCaller().catch(() => {})
    isReading.current = false
    // it may reach others now
    if (caller.value !== before) await renewGalleries()
  }
  useEffect(() => void read(), [callsForbidden.value])
  useEffect(() => {
    const timer = setInterval(read, everyMs)
    document.addEventListener('visibilitychange', read)
    return () => {
      clearInterval(timer)
      document.removeEventListener('visibilitychange', read)
    }
  }, [])
}
