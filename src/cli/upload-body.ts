/** What `alike-ingest` sends: a folder as a tar that is made on the way, or an archive as it is. */
import { createReadStream } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pack } from 'tar-stream'
import { pictureName } from '../datasets/folders.js'
import { manifestFormat } from '../ingest/manifest/manifest.js'
import { isClutter } from '../ingest/names.js'

export interface UploadBody {
  contentType: string
  /** What is counted: files of a folder, bytes of an archive. */
  unit: 'files' | 'bytes'
  total: number
  /** Files that are neither pictures nor manifests, and links. */
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

/** @throws Error when there is no such file or folder */
export async function uploadBody(path: string): Promise<UploadBody> {
  const found = await stat(path)
  return found.isDirectory() ? folderBody(path) : archiveBody(path, found.size)
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

async function folderBody(folder: string): Promise<UploadBody> {
  const paths: string[] = []
  let leftOut = 0
  for await (const { path, isFile } of walk(folder, '')) {
    if (isFile && (pictureName.test(path) || manifestFormat(path) !== undefined)) paths.push(path)
    else leftOut += 1
  }
  return { contentType: 'application/x-tar', unit: 'files', total: paths.length, leftOut, open: (on) => tarOf(folder, paths, on) }
}

/** Everything below, by name; links are not followed, and what operating systems leave behind is passed over. */
async function* walk(root: string, folder: string): AsyncGenerator<{ path: string; isFile: boolean }> {
  const entries = await readdir(join(root, folder), { withFileTypes: true })
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (isClutter(entry.name)) continue
    if (entry.isDirectory()) yield* walk(root, path)
    else yield { path, isFile: entry.isFile() }
  }
}

/** One picture at a time in memory: the next is read when the service has taken the one before. */
function tarOf(folder: string, paths: readonly string[], { progress, unreadable }: Parameters<UploadBody['open']>[0]): Readable {
  const archive = pack()
  const write = async () => {
    for (const [at, path] of paths.entries()) {
      const bytes = await readFile(join(folder, path)).catch((error: Error) => unreadable(path, error))
      if (bytes !== undefined) await new Promise<void>((resolve, reject) => archive.entry({ name: path }, bytes, (error) => (error ? reject(error) : resolve())))
      progress(at + 1)
    }
    archive.finalize()
  }
  write().catch((error: unknown) => archive.destroy(error as Error))
  return Readable.from(archive)
}
