/** Removes pictures once that can no longer be undone; until then they are hidden on every screen. */
import { effect, signal } from '@preact/signals'
import { useMemo } from 'preact/hooks'
import { picturesText } from '../controls/counts.js'
import { say } from '../controls/toasts.js'
import { removeImages } from './change-images.js'

export interface Removal {
  gallery: string
  ids: ReadonlySet<string>
  /** How they are removed; by default each on its own. */
  remove?: (() => Promise<void>) | undefined
  /** They have been removed, or at least some of them. */
  onRemoved: () => void
  /** They stay, because that was undone or failed. */
  onKept?: (() => void) | undefined
}

const removals = signal<readonly Removal[]>([])

/** Closing the page would drop what has been announced as deleted and is not sent yet: the browser asks first. */
const askFirst = (event: Event) => event.preventDefault()
effect(() => {
  if (removals.value.length === 0) return undefined
  addEventListener('beforeunload', askFirst)
  return () => removeEventListener('beforeunload', askFirst)
})

/** Without those that are deleted unless that is undone; the same list while nothing changes. */
export function useWithoutRemoved<One extends { id: string }>(gallery: string, images: readonly One[]): readonly One[] {
  const all = removals.value
  return useMemo(() => {
    const hidden = all.filter((one) => one.gallery === gallery)
    return hidden.length === 0 ? images : images.filter(({ id }) => !hidden.some(({ ids }) => ids.has(id)))
  }, [gallery, images, all])
}

export function removeUnlessUndone(removal: Removal): void {
  const { gallery, ids, remove = () => removeImages(gallery, ids), onRemoved, onKept } = removal
  const show = () => {
    removals.value = removals.value.filter((one) => one !== removal)
  }
  const undo = () => {
    show()
    onKept?.()
  }
  const send = async () => {
    try {
      await remove()
    } catch (error) {
      say(`Not all could be deleted: ${(error as Error).message}`)
      onKept?.()
    }
    onRemoved()
    show()
  }
  removals.value = [...removals.value, removal]
  say(`${picturesText(ids.size)} deleted.`, { name: 'Undo', run: undo }, () => void send())
}
