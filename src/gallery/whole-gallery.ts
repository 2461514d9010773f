/** A whole gallery in memory, for a thread that reads all of its pictures. */
import { descriptorWords } from '../copies/copy-descriptor.js'
import type { Described } from '../copies/copy-pairs.js'
import type { ScanOpener, ScanPage, ScanReader, ScanSource } from './scan.js'

/** Pictures by id, ascending, in parallel lists. */
export interface WholeGallery {
  ids: string[]
  labels: (string | null)[]
  contentHashes: string[]
  /** Numbers by which neighbours are requested. */
  numbers: Uint32Array
  dimension: number
  /** [n, dimension], unit length; empty if not requested. */
  vectors: Float32Array
  copies: Described
}

export interface ReadOptions {
  vectors: boolean
  /** Descriptors of copies; without them `copies` is empty. */
  descriptors: boolean
  /** Called after each page; if it throws, reading ends. */
  onPage(): void
}

/**
 * As of one moment.
 * @throws AlikeError `data_unreadable`
 */
export async function readWholeGallery(source: ScanSource, options: ReadOptions): Promise<WholeGallery> {
  const { openScan } = (await import(source.module)) as { openScan: ScanOpener }
  const reader = await openScan(source.place)
  try {
    return await read(reader, options)
  } finally {
    await reader.close()
  }
}

/**
 * Two passes if vectors are requested: once the order is known, each vector is written to its place, so none is ever in
 * memory twice.
 */
async function read(reader: ScanReader, { vectors, descriptors, onPage }: ReadOptions): Promise<WholeGallery> {
  const found: Pick<ScanPage, 'ids' | 'labels' | 'contentHashes'> & { numbers: number[] } = {
    ids: [],
    labels: [],
    contentHashes: [],
    numbers: [],
  }
  for await (const page of reader.pages({ vectors: false, descriptors: false })) {
    found.ids.push(...page.ids)
    found.labels.push(...page.labels)
    found.contentHashes.push(...page.contentHashes)
    found.numbers.push(...page.numbers)
    onPage()
  }
  const order = found.ids.map((_, i) => i).sort((a, b) => (found.ids[a]! < found.ids[b]! ? -1 : 1))
  const gallery: WholeGallery = {
    ids: order.map((i) => found.ids[i]!),
    labels: order.map((i) => found.labels[i]!),
    contentHashes: order.map((i) => found.contentHashes[i]!),
    numbers: Uint32Array.from(order, (i) => found.numbers[i]!),
    dimension: reader.dimension,
    vectors: new Float32Array(vectors ? order.length * reader.dimension : 0),
    copies: {
      count: descriptors ? order.length : 0,
      words: new Uint32Array(descriptors ? order.length * descriptorWords : 0),
      hasFeatures: new Uint8Array(descriptors ? order.length : 0),
    },
  }
  if (vectors || descriptors) {
    const positions = new Map(Array.from(gallery.numbers, (number, position) => [number, position]))
    for await (const page of reader.pages({ vectors, descriptors })) {
      place(page, gallery, positions)
      onPage()
    }
  }
  return gallery
}

function place(
  page: ScanPage,
  { dimension, vectors, copies }: WholeGallery,
  positions: ReadonlyMap<number, number>,
): void {
  page.numbers.forEach((number, i) => {
    const position = positions.get(number)!
    if (page.vectors.length > 0)
      vectors.set(page.vectors.subarray(i * dimension, (i + 1) * dimension), position * dimension)
    if (page.hasFeatures.length === 0) return
    copies.words.set(
      page.descriptors.subarray(i * descriptorWords, (i + 1) * descriptorWords),
      position * descriptorWords,
    )
    copies.hasFeatures[position] = page.hasFeatures[i]!
  })
}
