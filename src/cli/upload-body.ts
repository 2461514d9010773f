/** What `alike-ingest` sends: a folder as a tar that is made on the way, or an archive as it is. */
import { createReadStream } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pack } from 'tar-stream'
import { pictureName } from '../datasets/folders.js'
import { isLitter, isLitterName, type LitterRule } from '../ingest/litter.js'
import { type NameEncoding, type ReadName, readName } from '../ingest/name-encoding.js'
import { manifestFormat } from '../ingest/upload-manifest/upload-manifest.js'

export interface UploadBody {
  contentType: string
  /** What is counted: files of a folder, bytes of an archive. */
  unit: 'files' | 'bytes'
  total: number
  /** Files that are neither pictures nor manifests, litter, and links. */
  leftOut: number
  /** Reads and counts as it is read. Files that can not be read are told and left out. */
  open(on: { progress(done: number): void; unreadable(path: string, error: Error): void }): Readable
}

const contentTypes: readonly [name: RegExp, type: string][] = [
  [/\.(ndjson|jsonl)$/i, 'application/x-ndjson'],
  [/\.zip$/i, 'application/zip'],
  [/\.(tar\.gz|tgz)$/i, 'application/gzip'],
  [/\.(tar\.zst|tzst)$/i, 'application/zstd'],
  [/./, 'application/x-tar'],
]

export interface FolderOptions {
  litter: LitterRule
  /** Of file names that are not UTF-8. */
  nameEncoding?: NameEncoding | undefined
}

/** @throws Error when there is no such file or folder */
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
  const files: FoundFile[] = []
  let leftOut = 0
  for await (const file of walk(Buffer.from(folder), '', { litter, nameEncoding })) {
    const isWanted =
      manifestFormat(file.path) !== undefined ||
      litter === 'take' ||
      (!isLitter(file.path) && pictureName.test(file.path)) ||
      file.misfit !== undefined
    if (file.isFile && isWanted) files.push(file)
    else leftOut += 1
  }
  return {
    contentType: 'application/x-tar',
    unit: 'files',
    total: files.length,
    leftOut,
    open: (on) => tarOf(files, on),
  }
}

interface FoundFile extends ReadName {
  /** As the disk has it: names there are bytes. */
  place: Buffer
  isFile: boolean
}

/** Everything below, by name; links are not followed, and litter is passed over by the rule of the service. */
async function* walk(place: Buffer, path: string, options: FolderOptions): AsyncGenerator<FoundFile> {
  const entries = await readdir(place, { withFileTypes: true, encoding: 'buffer' })
  for (const entry of entries.sort((a, b) => Buffer.compare(a.name, b.name))) {
    const { path: name, misfit } = readName({ bytes: entry.name }, options.nameEncoding)
    const below = {
      place: Buffer.concat([place, Buffer.from('/'), entry.name]),
      path: path === '' ? name : `${path}/${name}`,
      misfit,
    }
    if (options.litter === 'skip' && isLitterName(name)) yield { ...below, isFile: false }
    else if (entry.isDirectory() && misfit === undefined) yield* walk(below.place, below.path, options)
    else yield { ...below, isFile: entry.isFile() || misfit !== undefined }
  }
}

/** One picture at a time in memory: the next is read when the service has taken the one before. */
function tarOf(files: readonly FoundFile[], { progress, unreadable }: Parameters<UploadBody['open']>[0]): Readable {
  const archive = pack()
  const write = async () => {
    for (const [at, { place, path, misfit }] of files.entries()) {
      const bytes =
        misfit === undefined
          ? await readFile(place).catch((error: Error) => unreadable(path, error))
          : unreadable(path, misfit)
      if (bytes !== undefined)
        await new Promise<void>((resolve, reject) =>
          archive.entry({ name: path }, bytes, (error) => (error ? reject(error) : resolve())),
        )
      progress(at + 1)
    }
    archive.finalize()
  }
  write().catch((error: unknown) => archive.destroy(error as Error))
  return Readable.from(archive)
}
