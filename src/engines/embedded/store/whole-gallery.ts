/**
 * A whole gallery in memory, for a thread that looks at all of its pictures. It reads on a
 * connection of its own, so neither searches nor writes wait for it.
 */
import { descriptorWords } from '../../../copies/copy-descriptor.js'
import type { Described } from '../../../copies/copy-pairs.js'
import { type Database, openForReading, withDatabase } from './database.js'
import { DescriptorTable } from './descriptor-table.js'
import { GalleryScans } from './gallery-scans.js'
import { type ImageIdentity, ImageTable } from './image-table.js'

/** Where to read; can be sent to a thread. */
export interface GallerySource {
  path: string
  /** Of the gallery. */
  number: number
  dimension: number
}

/** Pictures by id, ascending, in parallel lists. */
export interface WholeGallery {
  ids: string[]
  labels: (string | null)[]
  contentHashes: string[]
  slots: Uint32Array
  dimension: number
  /** [n, dimension], unit length; empty when they were not asked for. */
  vectors: Float32Array
  copies: Described
}

const pageSize = 1_000

export interface ReadOptions {
  vectors: boolean
  /** Descriptors of copies; `copies` counts none otherwise. */
  descriptors: boolean
  /** Called after each page; what it throws ends the reading. */
  onPage(): void
}

/** As it is at one moment. @throws AlikeError `data_unreadable` */
export function readWholeGallery(source: GallerySource, options: ReadOptions): WholeGallery {
  const database = withDatabase(() => openForReading(source.path))
  try {
    return withDatabase(() => database.transaction(() => read(database, source, options))())
  } finally {
    database.close()
  }
}

function read(
  database: Database,
  { number, dimension }: GallerySource,
  { vectors: withVectors, descriptors, onPage }: ReadOptions,
): WholeGallery {
  const images: ImageIdentity[] = []
  const table = new ImageTable(database, { damagedRecords: 'named' })
  for (let fromSlot = 0; ; fromSlot = images.at(-1)!.slot + 1) {
    const page = table.identities(number, fromSlot, pageSize)
    images.push(...page)
    onPage()
    if (page.length < pageSize) break
  }
  images.sort((a, b) => (a.id < b.id ? -1 : 1))

  const vectors = new Float32Array(withVectors ? images.length * dimension : 0)
  if (withVectors) {
    const positionOf = new Map(images.map(({ slot }, position) => [slot, position]))
    const scans = new GalleryScans(database)
    for (let fromSlot: number | undefined = 0; fromSlot !== undefined; ) {
      const page = scans.vectors(number, dimension, fromSlot, pageSize)
      page.slots.forEach((slot, i) =>
        vectors.set(page.vectors.subarray(i * dimension, (i + 1) * dimension), positionOf.get(slot)! * dimension),
      )
      onPage()
      fromSlot = page.nextSlot
    }
  }
  return {
    ids: images.map(({ id }) => id),
    labels: images.map(({ label }) => label),
    contentHashes: images.map(({ contentHash }) => contentHash),
    slots: Uint32Array.from(images, ({ slot }) => slot),
    dimension,
    vectors,
    copies: descriptors
      ? readDescriptors(database, number, images, onPage)
      : { count: 0, words: new Uint32Array(0), hasFeatures: new Uint8Array(0) },
  }
}

function readDescriptors(
  database: Database,
  gallery: number,
  images: readonly ImageIdentity[],
  onPage: () => void,
): Described {
  const table = new DescriptorTable(database)
  const positionOf = new Map(images.map(({ slot }, position) => [slot, position]))
  const copies = {
    count: images.length,
    words: new Uint32Array(images.length * descriptorWords),
    hasFeatures: new Uint8Array(images.length),
  }
  for (let fromSlot = 0; ; ) {
    const { slots, words, hasFeatures } = table.page(gallery, fromSlot, pageSize)
    slots.forEach((slot, i) => {
      const position = positionOf.get(slot)!
      copies.words.set(words.subarray(i * descriptorWords, (i + 1) * descriptorWords), position * descriptorWords)
      copies.hasFeatures[position] = hasFeatures[i]!
    })
    onPage()
    if (slots.length < pageSize) return copies
    fromSlot = slots.at(-1)! + 1
  }
}
