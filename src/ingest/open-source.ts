/** Opens what a job reads from, by what kind of upload it is. */
import type { Source, SourceDescription, SourceLimits } from './source.js'
import { openTar } from './sources/archive-tar.js'
import { openZip } from './sources/archive-zip.js'
import { openNdjson } from './sources/ndjson.js'

/**
 * Archives are looked through for a manifest here, which takes a while for a large tar; `signal` ends that.
 * @throws AlikeError `archive_unreadable`, `manifest_invalid`; the signal's reason
 */
export async function openSource(
  description: SourceDescription,
  file: string,
  limits: SourceLimits,
  signal?: AbortSignal,
): Promise<Source> {
  if (description.kind === 'ndjson') return openNdjson(file, description, limits)
  return description.kind === 'zip' ? openZip(file, description, limits) : openTar(file, description, limits, signal)
}
