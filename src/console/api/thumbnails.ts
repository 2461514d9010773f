/** Thumbnails, fetched with the key and shown through blob URLs; the most recent ones are cached. */
import { fetchFrom } from './service.js'

/** A thumbnail is about 10 kB. */
const keptMax = 1_500
/** With more, a browser only queues requests and cannot drop those scrolled past. */
const atOnceMax = 12

interface Kept {
  address: string
  /** Elements on the page that show it. */
  users: number
}

const kept = new Map<string, Kept>()
const waiting: (() => void)[] = []
let underWay = 0

export interface ThumbnailRequest {
  gallery: string
  id: string
  signal: AbortSignal
}

/**
 * The URL to show, valid until `releaseThumbnail`; undefined if there is no thumbnail.
 * @throws when the signal aborts
 */
export async function takeThumbnail({ gallery, id, signal }: ThumbnailRequest): Promise<string | undefined> {
  const key = keyOf(gallery, id)
  const before = kept.get(key)
  if (before !== undefined) return use(key, before)
  await turn(signal)
  try {
    const meanwhile = kept.get(key)
    if (meanwhile !== undefined) return use(key, meanwhile)
    const path = `v1/galleries/${gallery}/images/${encodeURIComponent(id)}/thumbnail`
    const image = await (await fetchFrom(path, { signal })).blob()
    return use(key, kept.get(key) ?? { address: URL.createObjectURL(image), users: 0 })
  } finally {
    underWay -= 1
    waiting.shift()?.()
  }
}

export function releaseThumbnail(gallery: string, id: string): void {
  const one = kept.get(keyOf(gallery, id))
  if (one !== undefined) one.users -= 1
}

function keyOf(gallery: string, id: string): string {
  return `${gallery}/${id}`
}

function use(key: string, one: Kept): string {
  one.users += 1
  kept.delete(key)
  kept.set(key, one)
  for (const [oldKey, old] of kept) {
    if (kept.size <= keptMax) break
    if (old.users > 0) continue
    URL.revokeObjectURL(old.address)
    kept.delete(oldKey)
  }
  return one.address
}

async function turn(signal: AbortSignal): Promise<void> {
  while (underWay >= atOnceMax) await new Promise<void>((resolve) => waiting.push(resolve))
  underWay += 1
  if (!signal.aborted) return
  underWay -= 1
  waiting.shift()?.()
  throw signal.reason
}
