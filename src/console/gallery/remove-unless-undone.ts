/** Removes pictures once that can no longer be undone; until then they are hidden on every screen. */
import { signal } from '@preact/signals'
import { useLayoutEffect, useMemo } from 'preact/hooks'
import { renewGalleries } from '../api/galleries.js'
import { askBeforeClosing } from '../controls/ask-before-closing.js'
import { picturesText } from '../controls/counts.js'
import { say, sayFault } from '../controls/toasts.js'
import { removeImages } from './change-images.js'

export interface Removal {
  gallery: string
  ids: ReadonlySet<string>
  /** How they are removed; by default each on its own. */
  remove?: (() => Promise<void>) | undefined
  /** They stay, because that was undone or failed. */
  onKept?: (() => void) | undefined
}

const removals = signal<readonly Removal[]>([])
const watchers = new Set<(gallery: string, ids: ReadonlySet<string>) => void>()

// what has been announced as deleted is not sent yet
askBeforeClosing(() => removals.value.length > 0)

/** Without those that are deleted unless that is undone; the same list while nothing changes. */
export function useWithoutRemoved<One extends { id: string }>(gallery: string, images: readonly One[]): readonly One[] {
  const all = removals.value
  return useMemo(() => {
    const hidden = all.filter((one) => one.gallery === gallery)
    return hidden.length === 0 ? images : images.filter(({ id }) => !hidden.some(({ ids }) => ids.has(id)))
  }, [gallery, images, all])
}

/**
 * Told of every removal from the gallery once it was tried, whichever screen it began on.
 * @param take receives the removed ids; none if not all could be removed
 */
export function useRemovals(gallery: string, take: (ids: ReadonlySet<string>) => void): void {
  useLayoutEffect(() => {
    const watch = (of: string, ids: ReadonlySet<string>) => {
      if (of === gallery) take(ids)
    }
    watchers.add(watch)
    return () => void watchers.delete(watch)
  })
}

export function removeUnlessUndone(removal: Removal): void {
  const { gallery, ids, remove = () => removeImages(gallery, ids), onKept } = removal
  const show = () => {
    removals.value = removals.value.filter((one) => one !== removal)
  }
  const undo = () => {
    show()
    onKept?.()
  }
  const send = async () => {
    let removed = ids
    try {
      await remove()
    } catch (error) {
      removed = new Set()
      sayFault(`Not all could be deleted: ${(error as Error).message}`)
      onKept?.()
    }
    for (const watch of watchers) watch(gallery, removed)
    show()
    void renewGalleries()
  }
  removals.value = [...removals.value, removal]
  say(`${picturesText(ids.size)} deleted.`, { name: 'Undo', run: undo }, () => void send())
}
