/** The list of galleries, and the fields of their pictures. */
import { signal } from '@preact/signals'
import { answerOf, type Schemas, service } from './service.js'

export type Gallery = Schemas['Gallery']
export interface LabelCount {
  label: string | null
  count: number
}

/** Undefined until loaded. */
export const galleries = signal<Gallery[] | undefined>(undefined)

let begun = 0
/** Number of the load whose list is shown. */
let shown = 0

/** @throws ServiceError */
export async function loadGalleries(): Promise<Gallery[]> {
  const load = ++begun
  const all: Gallery[] = []
  let cursor: string | undefined
  do {
    const page = await answerOf(
      service.GET('/v1/galleries', { params: { query: cursor === undefined ? {} : { cursor } } }),
    )
    all.push(...page.galleries)
    cursor = page.nextCursor
  } while (cursor !== undefined)
  // one that began later may have ended first
  if (load > shown) {
    shown = load
    galleries.value = all
  }
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
