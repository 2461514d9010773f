/** Opens the source of a job according to its kind. */
import type { ListedBuckets } from '../remote/listed-buckets.js'
import type { WatchedFolder } from './folders/watched-folders.js'
import type { Source, SourceDescription, SourceLimits } from './source.js'
import { openAddresses } from './sources/addresses.js'
import { openTar } from './sources/archive-tar.js'
import { openZip } from './sources/archive-zip.js'
import { openBucketObjects } from './sources/bucket-objects.js'
import { openFolderFiles } from './sources/folder-files.js'
import { openNdjson } from './sources/ndjson.js'

/** Storage that lists of pictures refer to. */
export interface PicturePlaces {
  buckets: ListedBuckets
  /** Those that are watched; files in others are not read. */
  folders: readonly WatchedFolder[]
}

export interface SourceOpening {
  limits: SourceLimits
  /** Default: only uploads can be opened. */
  places?: PicturePlaces | undefined
  signal?: AbortSignal | undefined
}

/**
 * Searches archives for a manifest, which takes a while for a large tar; `signal` aborts that.
 * @throws AlikeError `archive_unreadable`, `manifest_invalid`, `source_not_allowed`; the signal's reason
 */
export async function openSource(
  description: SourceDescription,
  file: string,
  { limits, places, signal }: SourceOpening,
): Promise<Source> {
  switch (description.kind) {
    case 'ndjson':
      return openNdjson(file, description, limits)
    case 'urls':
      return openAddresses(file, description)
    case 's3':
      return openBucketObjects(file, description, { buckets: places!.buckets, limits })
    case 'folder':
      return openFolderFiles(file, description, { folders: places!.folders, limits })
    case 'zip':
      return openZip(file, description, limits)
    default:
      return openTar(file, description, limits, signal)
  }
}
