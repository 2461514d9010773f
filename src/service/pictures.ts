/** Opens what turns pictures into vectors and stores originals. */
import { availableParallelism } from 'node:os'
import { ImageEmbedder } from '../embedding/image-embedder.js'
import { PlaceMaps } from '../embedding/place-maps.js'
import type { ServedModels } from '../embedding/served-models.js'
import { type Decoders, decodersWanted, openDecoders } from '../image/decoders.js'
import { readReferenced, referencedSize } from '../ingest/folders/referenced-file.js'
import type { WatchedFolder } from '../ingest/folders/watched-folders.js'
import { counted } from '../originals/counted-originals.js'
import { OriginalsGarbage } from '../originals/garbage.js'
import { openOriginals } from '../originals/open-originals.js'
import type { OriginalStore } from '../originals/original-store.js'
import { OriginalsThread } from '../originals/originals-thread.js'
import { type ListedBuckets, openListedBuckets } from '../remote/listed-buckets.js'
import { ReferencedImages } from '../remote/referenced-images.js'
import type { RemoteImages } from '../remote/remote-images.js'
import type { Opening } from './opened-parts.js'
import type { Storage } from './storage.js'

export interface Pictures {
  decoders: Decoders
  placeMaps: PlaceMaps
  images: ImageEmbedder
}

/** @param environment for decoder processes */
export async function openPictures(
  { config, logger, metrics, opened }: Opening,
  models: ServedModels,
  environment: NodeJS.ProcessEnv,
): Promise<Pictures> {
  const decoders = opened.add(
    await openDecoders({
      ...decodersWanted(config, availableParallelism()),
      memoryMaxBytes: config.decodeMemoryMaxBytes,
      environment,
      logger,
      onProcessEnd: metrics.countDecoderEnd,
      onDecoded: metrics.countDecoded,
    }),
  )
  const placeMaps = new PlaceMaps({
    models,
    decoders,
    maxPixels: config.imageMaxPixels,
    maxQueue: config.explainQueueMax,
    idleMs: config.explainIdleSeconds * 1_000,
    logger,
    onOpen: metrics.countExplainOpen,
  })
  const images = new ImageEmbedder({
    models,
    decoders,
    maxPixels: config.imageMaxPixels,
    queryViews: config.queryViews,
    galleryViews: config.galleryViews,
    embedQueueMax: config.embedQueueMax,
    thumbnailMaxSide: config.thumbnailMaxSidePixels,
  })
  return { decoders, placeMaps: opened.add(placeMaps), images }
}

/** Stored originals, if any; unused ones are removed in the background. */
export async function openKeptOriginals(
  { config, logger, metrics, opened }: Opening,
  { embedded, owners }: Storage,
): Promise<OriginalStore> {
  const thread = opened.add(
    new OriginalsThread((error) =>
      logger.error({ err: error }, 'originals are written on the main thread from now on'),
    ),
  )
  const put = async (path: string, bytes: Uint8Array) => {
    embedded.expectWritable() // otherwise originals whose pictures are then refused would use up the last room
    await thread.put(path, bytes)
  }
  const originals = await openOriginals(config, { owners, put })
  // other processes may have galleries unknown to this one, and the database does not know pictures in Weaviate
  if (config.postgresUrl === '' && config.weaviateUrl === '')
    opened.add(
      new OriginalsGarbage({
        store: originals,
        uses: embedded.originalUses,
        areOwn: () => owners.areAlone(),
        everyMs: 60_000,
        sweepEveryMs: 86_400_000,
        minAgeMs: 3_600_000,
        strayMinAgeMs: 86_400_000,
        onRemoved: metrics.countOriginalRemoved,
        onDenied: metrics.countOriginalDenied,
        logger,
      }),
    )
  return counted(originals, metrics.countOriginalPut)
}

/** Pictures in their owners' storage. */
export interface ReferencedPlaces {
  buckets: ListedBuckets
  references: ReferencedImages
}

export function openReferences(
  { config, metrics, opened }: Opening,
  { remote, watched }: { remote: RemoteImages; watched: readonly WatchedFolder[] },
): ReferencedPlaces {
  const buckets = opened.add(openListedBuckets({ ...config, onRead: metrics.countBucketRead }))
  const folders = watched.map(({ folder }) => folder)
  const references = new ReferencedImages({
    remote,
    buckets,
    readFile: (file, maxBytes) => readReferenced(folders, file, maxBytes),
    sizeOfFile: (file) => referencedSize(folders, file),
    uploadMaxBytes: config.uploadMaxBytes,
    onFetch: metrics.countReference,
  })
  return { buckets, references }
}
