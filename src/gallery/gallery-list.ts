/** The list of galleries, in slices that yield to the event loop in between. */
import { nextTurn } from '../turns.js'
import { type Catalogue, type CatalogueEntry, type CatalogueRecord, readAtOnce } from './catalogue.js'
import type { GalleryRecord } from './records.js'

export interface GalleryListPage {
  /** Only names after this one. */
  after: string
  limit: number
  /** Characters of the records. At least one record is listed, whatever its length. */
  maxLength: number
  /** Whether a gallery is listed; default: all are. The others leave no trace, in `next` either. */
  shows?: ((name: string) => boolean) | undefined
}

export interface GalleryListSlice {
  galleries: GalleryRecord[]
  /** Of the last slice, if more follow: the name after which they begin. */
  next?: string
}

/** Characters of records read before yielding to others: some milliseconds. */
const lengthOfTurn = 128 * 1024

/** By name, ascending, each slice in its own turn of the event loop: as many as requested, or as fit one answer. */
export async function* gallerySlices(
  catalogue: Catalogue,
  recordOf: (record: CatalogueRecord) => Promise<GalleryRecord>,
  { after, limit, maxLength, shows }: GalleryListPage,
): AsyncGenerator<GalleryListSlice> {
  let [last, read, count] = [after, after, 0]
  for (let left = maxLength; ; ) {
    // one more than may be listed, to know whether more follow; many, if most of them may not be
    const bounds =
      shows === undefined
        ? { limit: Math.min(limit - count + 1, readAtOnce), maxLength: Math.min(Math.max(left, 0), lengthOfTurn) }
        : { limit: readAtOnce, maxLength: lengthOfTurn }
    const { records, length } = await catalogue.list({ after: read, ...bounds })
    const shown = shows === undefined ? records : records.filter(({ name }) => shows(name))
    const isFull = left <= 0 || count === limit
    if (records.length === 0 || (isFull && shown.length > 0))
      return yield { galleries: [], ...(records.length > 0 && { next: last }) }
    const listed = isFull ? [] : shown.slice(0, limit - count)
    const galleries: GalleryRecord[] = []
    for (const record of listed) galleries.push(await recordOf(record))
    yield { galleries }
    count += listed.length
    last = listed.at(-1)?.name ?? last
    read = listed.length < shown.length ? last : records.at(-1)!.name
    if (listed.length > 0) left -= length
    await nextTurn()
  }
}

/** All galleries, by name; yields to other work in between. */
export async function* allEntries(catalogue: Pick<Catalogue, 'entries'>): AsyncGenerator<CatalogueEntry> {
  for (let after: string | undefined = ''; after !== undefined; ) {
    const entries: CatalogueEntry[] = await catalogue.entries({ after, limit: readAtOnce })
    yield* entries
    after = entries.at(-1)?.name
    await nextTurn()
  }
}
