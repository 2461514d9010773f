/** The list of galleries, and the fields of their pictures. */
import { computed, signal } from '@preact/signals'
import { caller, may } from './caller.js'
import { answerOf, type Schemas, service } from './service.js'

export type Gallery = Schemas['Gallery']
export interface LabelCount {
  label: string | null
  count: number
}

/** Undefined until loaded; none for a key that may not list them. */
export const galleries = signal<Gallery[] | undefined>(undefined)

export interface GalleryChoices {
  /** A key that may not list galleries is told only the names of its own. */
  known: readonly { name: string; count?: number }[]
  /** Whether there may be others, to be named by whoever knows them. */
  isOpen: boolean
}

/** What can be chosen from; undefined until loaded. */
export const galleryChoices = computed((): GalleryChoices | undefined => {
  if (galleries.value === undefined || caller.value === undefined) return undefined
  if (may('read')) return { known: galleries.value, isOpen: false }
  const reached = caller.value.galleries ?? ['*']
  const known = reached.filter((pattern) => !pattern.endsWith('*')).map((name) => ({ name }))
  return { known, isOpen: known.length < reached.length }
})

let begun = 0
/** Number of the load whose list is shown. */
let shown = 0

/** Once it is known what the key may do. @throws ServiceError */
export async function loadGalleries(): Promise<Gallery[]> {
  const load = ++begun
  const all = may('read') ? await listGalleries() : []
  // one that began later may have ended first
  if (load > shown) {
    shown = load
    galleries.value = all
  }
  return all
}

async function listGalleries(): Promise<Gallery[]> {
  const all: Gallery[] = []
  let cursor: string | undefined
  do {
    const page = await answerOf(
      service.GET('/v1/galleries', { params: { query: cursor === undefined ? {} : { cursor } } }),
    )
    all.push(...page.galleries)
    cursor = page.nextCursor
  } while (cursor !== undefined)
  return all
}

/** Loads the list again; if that fails, the former one stays. */
export async function renewGalleries(): Promise<void> {
  await loadGalleries().catch(() => undefined)
}

/** Most frequent first. @throws ServiceError */
export async function loadLabels(gallery: string): Promise<LabelCount[]> {
  const all: LabelCount[] = []
  let cursor: string | undefined
  do {
    const query = cursor === undefined ? {} : { cursor }
    const page = await answerOf(service.GET('/v1/galleries/{gallery}/labels', { params: { path: { gallery }, query } }))
    all.push(...page.labels)
    cursor = page.nextCursor
  } while (cursor !== undefined)
  return all.sort((a, b) => b.count - a.count)
}
