/** What `alike-ingest` sends: a folder, packed into a tar on the fly, or an archive unchanged. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { folderUpload } from '../../clients/typescript/src/folder.js'
import { imageName } from '../datasets/folders.js'
import { isLitter, isLitterName, type LitterRule } from '../ingest/litter.js'
import { type NameEncoding, readName } from '../ingest/name-encoding.js'
import { manifestFormat } from '../ingest/upload-manifest/upload-manifest.js'

export interface UploadBody {
  contentType: string
  /** Unit of progress: files of a folder, bytes of an archive. */
  unit: 'files' | 'bytes'
  total: number
  /** Files skipped because they are neither pictures nor manifests, litter, or links. */
  leftOut: number
  /** Reads and counts on demand. Unreadable files are reported and skipped. */
  open(on: { progress(done: number): void; unreadable(path: string, error: Error): void }): Readable
}

const contentTypes: readonly [name: RegExp, type: string][] = [
  [/\.(ndjson|jsonl)$/i, 'application/x-ndjson'],
  [/\.(txt|uris?)$/i, 'text/uri-list'],
  [/\.zip$/i, 'application/zip'],
  [/\.(tar\.gz|tgz)$/i, 'application/gzip'],
  [/\.(tar\.zst|tzst)$/i, 'application/zstd'],
  [/./, 'application/x-tar'],
]

export interface FolderOptions {
  litter: LitterRule
  /** Encoding of file names that are not UTF-8. */
  nameEncoding?: NameEncoding | undefined
}

/** @throws Error if there is no such file or folder */
export async function uploadBody(path: string, options: FolderOptions): Promise<UploadBody> {
  const found = await stat(path)
  return found.isDirectory() ? folderBody(path, options) : archiveBody(path, found.size)
}

function archiveBody(path: string, size: number): UploadBody {
  const [, contentType] = contentTypes.find(([name]) => name.test(path))!
  return {
    contentType,
    unit: 'bytes',
    total: size,
    leftOut: 0,
    open({ progress }) {
      const file = createReadStream(path, { highWaterMark: 256 * 1024 })
      file.on('data', () => progress(file.bytesRead))
      return file.pause()
    },
  }
}

async function folderBody(folder: string, { litter, nameEncoding }: FolderOptions): Promise<UploadBody> {
  const { totalFiles, leftOut, open } = await folderUpload(folder, {
    nameOf: (bytes) => readName({ bytes }, nameEncoding),
    passOver: (name) => litter === 'skip' && isLitterName(name),
    include: (path) =>
      manifestFormat(path) !== undefined || litter === 'take' || (!isLitter(path) && imageName.test(path)),
  })
  return {
    contentType: 'application/x-tar',
    unit: 'files',
    total: totalFiles,
    leftOut,
    open: ({ progress, unreadable }) => open({ progress: ({ files }) => progress(files), unreadable }),
  }
}
