/** A folder of pictures as one upload: a tar created on the fly, with one file in memory at a time. For Node.js. */
import { readdir, readFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pack } from 'tar-stream'
import type { AlikeClient, CallOptions, IngestParameters } from './alike-client.js'
import type { Job } from './job-events.js'

export interface FolderProgress {
  files: number
  totalFiles: number
}

/** A file name as text; with `misfit` if its encoding cannot be determined. */
export interface FileName {
  path: string
  misfit?: Error | undefined
}

export interface FolderOptions {
  /** Whether to send a file, given its path relative to the folder. Default: pictures and manifests, by extension. */
  include?: ((path: string) => boolean) | undefined
  /** Folders to skip, by name. Default: those that begin with a dot. */
  passOver?: ((name: string) => boolean) | undefined
  /** Decodes the name of a file. Default: UTF-8, and anything else is a misfit. */
  nameOf?: ((bytes: Buffer) => FileName) | undefined
}

export interface FolderUpload {
  totalFiles: number
  /** Files that are not included, litter, and links. */
  leftOut: number
  /** Opens the tar. Unreadable files are reported and skipped. */
  open(on?: { progress?(now: FolderProgress): void; unreadable?(path: string, error: Error): void }): Readable
}

export interface UploadFolderOptions extends FolderOptions, CallOptions {
  parameters?: IngestParameters | undefined
  onProgress?: ((now: FolderProgress) => void) | undefined
}

export interface UploadedFolder {
  job: Job
  leftOut: number
  unreadable: { path: string; error: Error }[]
}

/**
 * Sends every picture below a folder, labelled with the name of the folder that contains it. Resolves once the upload
 * is durable.
 */
export async function uploadFolder(
  client: AlikeClient,
  gallery: string,
  folder: string,
  { parameters, onProgress, signal, ...options }: UploadFolderOptions = {},
): Promise<UploadedFolder> {
  const upload = await folderUpload(folder, options)
  let unreadable: UploadedFolder['unreadable'] = []
  const open = () => {
    unreadable = [] // of this attempt
    return upload.open({
      progress: (now) => onProgress?.(now),
      unreadable: (path, error) => void unreadable.push({ path, error }),
    })
  }
  const job = await client.ingest(gallery, {
    open,
    contentType: 'application/x-tar',
    parameters,
    signal,
  })
  return { job, leftOut: upload.leftOut, unreadable }
}

/** @throws Error if there is no such folder */
export async function folderUpload(folder: string, options: FolderOptions = {}): Promise<FolderUpload> {
  const { include = isPictureOrManifest, passOver = isHidden, nameOf = utf8Name } = options
  const files: FoundFile[] = []
  let leftOut = 0
  for await (const file of walk(Buffer.from(folder), '', { passOver, nameOf })) {
    if (file.isFile && (file.misfit !== undefined || include(file.path))) files.push(file)
    else leftOut += 1
  }
  return { totalFiles: files.length, leftOut, open: (on = {}) => tarOf(files, on) }
}

interface FoundFile extends FileName {
  /** As stored on disk, where names are bytes. */
  place: Buffer
  isFile: boolean
}

/** Everything below, by name; does not follow links. */
async function* walk(
  place: Buffer,
  path: string,
  options: { passOver(name: string): boolean; nameOf(bytes: Buffer): FileName },
): AsyncGenerator<FoundFile> {
  const entries = await readdir(place, { withFileTypes: true, encoding: 'buffer' })
  for (const entry of entries.sort((a, b) => Buffer.compare(a.name, b.name))) {
    const { path: name, misfit } = options.nameOf(entry.name)
    const below = {
      place: Buffer.concat([place, Buffer.from('/'), entry.name]),
      path: path === '' ? name : `${path}/${name}`,
      misfit,
    }
    if (options.passOver(name)) yield { ...below, isFile: false }
    else if (entry.isDirectory() && misfit === undefined) yield* walk(below.place, below.path, options)
    else yield { ...below, isFile: entry.isFile() || misfit !== undefined }
  }
}

function tarOf(
  files: readonly FoundFile[],
  { progress = () => undefined, unreadable = () => undefined }: NonNullable<Parameters<FolderUpload['open']>[0]>,
): Readable {
  return writtenTar(async (add) => {
    for (const [at, { place, path, misfit }] of files.entries()) {
      const bytes =
        misfit === undefined
          ? await readFile(place).catch((error: Error) => unreadable(path, error))
          : unreadable(path, misfit)
      if (bytes !== undefined) await add(path, bytes)
      progress({ files: at + 1, totalFiles: files.length })
    }
  })
}

/** Any, but the same in every attempt: one with other bytes would be another upload under the same idempotency key. */
const mtime = new Date(0)

/**
 * A tar that is written while it is read.
 * @param write adds its files; the next one only when the service has taken the previous one, so that one is in memory
 */
export function writtenTar(write: (add: (name: string, bytes: Buffer) => Promise<void>) => Promise<void>): Readable {
  const archive = pack()
  const add = (name: string, bytes: Buffer) =>
    new Promise<void>((resolve, reject) =>
      archive.entry({ name, mtime }, bytes, (error) => (error ? reject(error) : resolve())),
    )
  write(add)
    .then(() => archive.finalize())
    .catch((error: unknown) => archive.destroy(error as Error))
  return Readable.from(archive)
}

function isPictureOrManifest(path: string): boolean {
  return /\.(jpe?g|jfif|png|webp|gif|avif|tiff?|bmp|dib|hei[cf]|hif|jxl)$|(^|\/)(manifest\.(csv|ndjson|jsonl)|labels\.csv)$/i.test(
    path,
  )
}

function isHidden(name: string): boolean {
  return name.startsWith('.')
}

function utf8Name(bytes: Buffer): FileName {
  try {
    return { path: new TextDecoder('utf-8', { fatal: true }).decode(bytes) }
  } catch (cause) {
    return { path: bytes.toString('latin1'), misfit: new Error('The name is not UTF-8.', { cause }) }
  }
}
