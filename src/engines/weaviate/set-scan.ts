/** Reads a whole set in a dedicated thread, over its own connection. */
import { descriptorWords } from '../../copies/copy-descriptor.js'
import type { ScanPage, ScanParts, ScanReader } from '../../gallery/scan.js'
import { ImageCollection } from './image-collection.js'
import type { Found } from './image-object.js'
import { NumberedUuids } from './numbered-uuids.js'
import { wordsIn } from './set-copies.js'
import { WeaviateServer } from './weaviate-server.js'
import { type CollectionLayout, tuningDefaults, type WeaviateSettings } from './weaviate-settings.js'
import { wholePages } from './whole-slices.js'

/** Input of `openScan`. */
export interface ScanPlace {
  settings: WeaviateSettings
  collection: string
  layout: CollectionLayout
  dimension: number
  /** Pictures stored later are ignored. */
  upTo: number
  /** Shared with the thread that asks for neighbours. */
  uuids: SharedArrayBuffer
}

const pageSize = 500

/** Pages list the pictures of the first pass; the second pass has no vector for pictures removed since then. */
export function openScan(place: unknown): ScanReader {
  const { settings, collection, layout, dimension, upTo, uuids } = place as ScanPlace
  const server = new WeaviateServer(settings)
  const images = new ImageCollection(server, collection, { layout, tuning: tuningDefaults })
  const numbers = new NumberedUuids(uuids)
  return {
    dimension,
    pages: (parts) => pagesOf(images, { dimension, upTo }, numbers, parts),
    close: () => server.close(),
  }
}

async function* pagesOf(
  images: ImageCollection,
  { dimension, upTo }: Pick<ScanPlace, 'dimension' | 'upTo'>,
  numbers: NumberedUuids,
  { vectors, descriptors }: ScanParts,
): AsyncGenerator<ScanPage> {
  const isFirst = numbers.count === 0
  const properties = [
    'imageId',
    'label',
    'contentHash',
    'stamp',
    ...(descriptors ? (['descriptor'] as const) : []),
  ] as const
  for await (const page of wholePages(images, { limit: pageSize, properties, vectors }, upTo)) {
    const known = page.filter(
      ({ uuid, properties: { stamp = 0 } }) => stamp <= upTo && (isFirst || numbers.numberOf(uuid) !== undefined),
    )
    if (known.length > 0) yield pageOf(known, { dimension, vectors, descriptors }, numbers)
  }
}

function pageOf(
  found: readonly Found[],
  { dimension, vectors, descriptors }: ScanParts & { dimension: number },
  numbers: NumberedUuids,
): ScanPage {
  const page: ScanPage = {
    ids: found.map(({ properties: { imageId = '' } }) => imageId),
    labels: found.map(({ properties: { label } }) => label ?? null),
    contentHashes: found.map(({ properties: { contentHash = '' } }) => contentHash),
    numbers: Uint32Array.from(found, ({ uuid }) => numbers.add(uuid)),
    vectors: new Float32Array(vectors ? found.length * dimension : 0),
    descriptors: new Uint32Array(descriptors ? found.length * descriptorWords : 0),
    hasFeatures: new Uint8Array(descriptors ? found.length : 0),
  }
  found.forEach((one, i) => {
    if (vectors) page.vectors.set(one.vector, i * dimension)
    const words = descriptors ? wordsIn(one) : undefined
    if (words === undefined) return
    page.descriptors.set(words, i * descriptorWords)
    page.hasFeatures[i] = 1
  })
  return page
}
