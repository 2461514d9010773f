/** What a caller uploads for a job, and its conversion to a file that a job can read. */
import { Readable } from 'node:stream'
import { tooManyFiles } from './archive-bounds.js'
import { archiveKind } from './archive-kind.js'
import { LineCount } from './lines.js'
import type { LitterRule } from './litter.js'
import type { NameEncoding } from './name-encoding.js'
import { openSource } from './open-source.js'
import type { SourceDescription, SourceLimits } from './source.js'
import { packFiles, type UploadedFile } from './sources/files.js'
import { changeLines, type FolderChange } from './sources/folder-files.js'
import type { Spool } from './spool.js'

export interface Upload {
  /** Id of the job. Default: random. */
  id?: string | undefined
  gallery: string
  /** See `SourceDescription`. */
  label?: string | undefined
  nameEncoding?: NameEncoding | undefined
  manifestEncoding?: NameEncoding | undefined
  litter?: LitterRule | undefined
  mayNotDelete?: true | undefined
  /** A second upload of the same content with the same key returns the job of the first. */
  idempotencyKey?: string | undefined
  priority?: number | undefined
  webhook?: string | undefined
  /** Aborted when the caller is given up: its reason is thrown, and nothing is kept. */
  signal?: AbortSignal | undefined
  content:
    | { archive: NodeJS.ReadableStream }
    | { lines: AsyncIterable<Uint8Array> }
    | { addresses: AsyncIterable<Uint8Array> }
    | { files: AsyncIterable<UploadedFile> }
    /** Objects of a bucket whose keys begin with the prefix: nothing is received, the job lists them. */
    | { bucket: string; prefix: string }
    | { folder: string; prefix?: string | undefined; changes: readonly FolderChange[] }
}

export interface Reception extends Omit<Upload, 'id' | 'gallery' | 'idempotencyKey' | 'priority' | 'webhook'> {
  /** Serialises such work, because the manifest of an archive is in memory during it. */
  inTurn<Result>(work: () => Promise<Result>): Promise<Result>
}

/**
 * Spools the upload; the kind of an archive is determined by its bytes.
 * @throws AlikeError `archive_unreadable`, `manifest_invalid`, `body_too_large`, `storage_full`; what the stream
 * throws; the signal's reason
 */
export async function receiveUpload(
  jobId: string,
  { content, signal, inTurn, ...settings }: Reception,
  spool: Spool,
  limits: SourceLimits,
): Promise<SourceDescription & { total?: number | undefined }> {
  if ('files' in content) {
    const { tar, count } = packFiles(content.files)
    const received = await spool.receive(jobId, tar, limits.ingestMaxBytes, signal)
    return { kind: 'files', ...received, total: count() }
  }
  if ('bucket' in content) return { kind: 's3', bucket: content.bucket, prefix: content.prefix }
  const receiveLines = async (stream: AsyncIterable<Uint8Array>) => {
    const lines = new LineCount()
    const upload = Readable.from(counted(stream, lines, limits), { objectMode: false })
    const received = await spool.receive(jobId, upload, limits.ingestMaxBytes, signal)
    return { ...received, total: lines.count }
  }
  if ('lines' in content) return { kind: 'ndjson', ...(await receiveLines(content.lines)) }
  if ('addresses' in content) return { kind: 'urls', ...(await receiveLines(content.addresses)) }
  if ('folder' in content) {
    const { folder, prefix, changes } = content
    return { kind: 'folder', folder, prefix, ...(await receiveLines(changeLines(changes))) }
  }
  const received = await spool.receive(jobId, content.archive, limits.ingestMaxBytes, signal)
  const kind = await archiveKind(spool.fileOf(jobId))
  if (kind !== 'zip') return { kind, ...received }
  // A zip has a directory, so damage to it is reported immediately and its pictures are counted.
  const total = await inTurn(async () => {
    const source = await openSource({ kind, ...settings }, spool.fileOf(jobId), { limits })
    await source.close()
    return source.total
  })
  return { kind, ...received, total }
}

async function* counted(
  stream: AsyncIterable<Uint8Array>,
  lines: LineCount,
  limits: SourceLimits,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of stream) {
    lines.add(chunk)
    if (lines.count > limits.ingestMaxFiles) throw tooManyFiles(limits)
    yield chunk
  }
}
