/** Opens what a job reads from, by what kind of upload it is. */
import type { ListedBuckets } from '../remote/listed-buckets.js'
import type { Source, SourceDescription, SourceLimits } from './source.js'
import { openAddresses } from './sources/addresses.js'
import { openTar } from './sources/archive-tar.js'
import { openZip } from './sources/archive-zip.js'
import { openBucketObjects } from './sources/bucket-objects.js'
import { openFolderFiles } from './sources/folder-files.js'
import { openNdjson } from './sources/ndjson.js'

/** Where pictures of lists are. */
export interface PicturePlaces {
  buckets: ListedBuckets
  /** Watched folders; files of others are not read. */
  folders: readonly string[]
}

export interface SourceOpening {
  limits: SourceLimits
  /** Left out: uploads alone are opened. */
  places?: PicturePlaces | undefined
  signal?: AbortSignal | undefined
}

/**
 * Archives are looked through for a manifest here, which takes a while for a large tar; `signal` ends that.
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
