/** Reads a whole set in a dedicated thread, on its own connection, so that neither searches nor writes wait for it. */
import type { ScanPage, ScanParts, ScanReader } from '../../gallery/scan.js'
import { type Database, damaged, openForReading, withDatabase } from './store/database/database.js'
import { DescriptorTable } from './store/images/descriptor-table.js'
import { type ImageIdentity, ImageTable } from './store/images/image-table.js'
import { GalleryScans } from './store/reading/gallery-scans.js'

/** Input of `openScan`. */
export interface ScanPlace {
  path: string
  /** The gallery's number. */
  number: number
  dimension: number
}

const pageSize = 1_000

/** A snapshot of one moment. @throws AlikeError `data_unreadable`, as do the pages */
export function openScan(place: unknown): ScanReader {
  const { path, number, dimension } = place as ScanPlace
  const database = withDatabase(() => openForReading(path))
  return withDatabase(() => {
    database.exec('BEGIN')
    return {
      dimension,
      pages: (parts) => pagesOf(database, { number, dimension }, parts),
      close: () => void database.close(),
    }
  })
}

function* pagesOf(
  database: Database,
  { number, dimension }: Omit<ScanPlace, 'path'>,
  { vectors, descriptors }: ScanParts,
): Generator<ScanPage> {
  const tables = withDatabase(() => ({
    images: new ImageTable(database, { damagedRecords: 'named' }),
    scans: new GalleryScans(database),
    descriptors: new DescriptorTable(database),
  }))
  for (let fromSlot = 0; ; ) {
    const page = withDatabase(() => {
      const images = tables.images.identities(number, fromSlot, pageSize)
      const slots = Uint32Array.from(images, ({ slot }) => slot)
      const described = descriptors ? tables.descriptors.ofSlots(number, slots) : nothingDescribed
      return {
        ...identitiesOf(images),
        numbers: slots,
        vectors: vectors ? vectorsOf(tables.scans, { number, dimension }, slots) : new Float32Array(0),
        descriptors: described.words,
        hasFeatures: described.hasFeatures,
      }
    })
    yield page
    if (page.ids.length < pageSize) return
    fromSlot = page.numbers.at(-1)! + 1
  }
}

const nothingDescribed = { words: new Uint32Array(0), hasFeatures: new Uint8Array(0) }

function identitiesOf(images: readonly ImageIdentity[]): Pick<ScanPage, 'ids' | 'labels' | 'contentHashes'> {
  return {
    ids: images.map(({ id }) => id),
    labels: images.map(({ label }) => label),
    contentHashes: images.map(({ contentHash }) => contentHash),
  }
}

/** Records and embeddings are stored in the same order, and neither exists without the other. */
function vectorsOf(
  scans: GalleryScans,
  { number, dimension }: Omit<ScanPlace, 'path'>,
  slots: Uint32Array,
): Float32Array {
  if (slots.length === 0) return new Float32Array(0)
  const found = scans.vectors(number, dimension, slots[0]!, slots.length)
  if (found.slots.length !== slots.length || found.slots.some((slot, i) => slot !== slots[i]))
    throw damaged('An embedding is missing.')
  return found.vectors
}
