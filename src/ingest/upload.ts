/** What a caller sends to be a job, and how it becomes a file that a job can read. */
import { openSource, type SourceDescription, type SourceLimits } from './source.js'
import { packFiles, type UploadedFile } from './sources/files.js'
import { archiveKind, type Spool } from './spool.js'

export interface Upload {
  gallery: string
  /** Label of pictures that lie in no folder. */
  label?: string
  /** A second upload under the same key gives the job of the first. */
  idempotencyKey?: string
  content: { archive: NodeJS.ReadableStream } | { files: AsyncIterable<UploadedFile> }
}

/**
 * Spools the upload; what an archive is, is told from its bytes.
 * @throws AlikeError `archive_unreadable`, `body_too_large`, `storage_full`; what the stream throws
 */
export async function receiveUpload(
  jobId: string,
  content: Upload['content'],
  spool: Spool,
  limits: SourceLimits,
): Promise<SourceDescription & { total?: number }> {
  if ('files' in content) {
    const { tar, count } = packFiles(content.files)
    const received = await spool.receive(jobId, tar, limits.ingestMaxBytes)
    return { kind: 'files', ...received, total: count() }
  }
  const received = await spool.receive(jobId, content.archive, limits.ingestMaxBytes)
  const kind = await archiveKind(spool.fileOf(jobId))
  if (kind !== 'zip') return { kind, ...received }
  // A zip has a directory, so that damage there is told at once, and its pictures are counted.
  const source = await openSource({ kind }, spool.fileOf(jobId), limits)
  await source.close()
  return { kind, ...received, ...(source.total !== undefined && { total: source.total }) }
}
