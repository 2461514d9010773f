/** Thumbnails, fetched with the key and shown through blob URLs; the most recent ones are cached. */
import { may } from './caller.js'
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
/** Queries with which thumbnails load that the key may not read, by `keyOf`. */
const signed = new Map<string, string>()
/** More than are shown at once. */
const signedMax = 5_000
const waiting: (() => void)[] = []
let underWay = 0

export interface ThumbnailRequest {
  gallery: string
  id: string
  /** Content hash of the picture, if known: another picture may take its id. */
  contentHash?: string | undefined
  signal: AbortSignal
}

/**
 * The URL to show, valid until `releaseThumbnail`.
 * @throws ServiceError if there is no thumbnail; and when the signal aborts
 */
export async function takeThumbnail({ gallery, id, contentHash, signal }: ThumbnailRequest): Promise<string> {
  const key = keyOf(gallery, id, contentHash)
  const before = kept.get(key)
  if (before !== undefined) return use(key, before)
  await turn(signal)
  try {
    const meanwhile = kept.get(key)
    if (meanwhile !== undefined) return use(key, meanwhile)
    const query = signed.get(keyOf(gallery, id)) ?? ''
    const path = `v1/galleries/${gallery}/images/${encodeURIComponent(id)}/thumbnail${query}`
    const image = await (await fetchFrom(path, { signal })).blob()
    return use(key, kept.get(key) ?? { address: URL.createObjectURL(image), users: 0 })
  } finally {
    underWay -= 1
    waiting.shift()?.()
  }
}

export function releaseThumbnail({ gallery, id, contentHash }: Omit<ThumbnailRequest, 'signal'>): void {
  const one = kept.get(keyOf(gallery, id, contentHash))
  if (one !== undefined) one.users -= 1
}

export interface ThumbnailUser extends Omit<ThumbnailRequest, 'signal'> {
  onAddress: (address: string) => void
  onMissing?: (() => void) | undefined
}

/** Takes the links to the thumbnails of hits. Of a service that signs none they say nothing new. */
export function takeLinks(gallery: string, hits: readonly { id: string; thumbnail?: string | null }[]): void {
  if (signed.size > signedMax) signed.clear()
  for (const { id, thumbnail } of hits) {
    // where the service is for this page, the page knows better
    const at = thumbnail?.indexOf('?') ?? -1
    if (at !== -1) signed.set(keyOf(gallery, id), thumbnail!.slice(at))
  }
}

export function mayShow(gallery: string, id: string): boolean {
  return may('read') || signed.has(keyOf(gallery, id))
}

/** Takes a thumbnail until the returned function is called; a key that may not read pictures misses those without a link. */
export function showThumbnail({ onAddress, onMissing, ...wanted }: ThumbnailUser): () => void {
  if (!mayShow(wanted.gallery, wanted.id)) {
    onMissing?.()
    return () => undefined
  }
  const leaving = new AbortController()
  const { signal } = leaving
  const taken = takeThumbnail({ ...wanted, signal })
  taken.then(
    (address) => signal.aborted || onAddress(address),
    () => signal.aborted || onMissing?.(),
  )
  return () => {
    leaving.abort()
    taken.then(
      () => releaseThumbnail(wanted),
      () => undefined,
    )
  }
}

/** Drops those that are not shown: the pictures of the gallery may have been replaced. */
export function forgetThumbnails(gallery: string): void {
  for (const [key, { address, users }] of kept) {
    if (users > 0 || !key.startsWith(`${gallery}/`)) continue
    URL.revokeObjectURL(address)
    kept.delete(key)
  }
}

function keyOf(gallery: string, id: string, contentHash = ''): string {
  return `${gallery}/${contentHash}/${id}`
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
