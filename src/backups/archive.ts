/** A snapshot as one file: a tar of its folder, with the same bytes each time. */
import { createHash } from 'node:crypto'
import { type FileHandle, open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough, type Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Pack, pack } from 'tar-stream'
import { AlikeError } from '../errors.js'
import { type BackupManifest, manifestName, type SnapshotFile } from './backup-manifest.js'

export interface SnapshotArchive {
  tar: Readable
  /** Total size, so that a truncated download is noticed. */
  bytes: number
}

const blockBytes = 512

/**
 * @param folder of the snapshot. Its files stay open: deleting the snapshot does not interrupt the archive.
 * @throws AlikeError `snapshot_not_found`
 */
export async function openArchive(folder: string, { id, createdAt, files }: BackupManifest): Promise<SnapshotArchive> {
  const { manifest, handles } = await openFiles(folder, files)
  const tar = pack()
  const mtime = new Date(createdAt)

  const fill = async () => {
    tar.entry({ name: `${id}/${manifestName}`, mtime }, manifest)
    for (const [i, { name, bytes, sha256 }] of files.entries()) {
      await packFile(
        tar,
        { name: `${id}/${name}`, size: bytes, mtime },
        handles[i]!.createReadStream({ highWaterMark: 1 << 18 }),
        sha256,
      )
    }
    tar.finalize()
  }
  // The packer is not a Node stream, so it is wrapped in one.
  const output = new PassThrough()
  tar.on('error', (error: Error) => output.destroy(error))
  output.once('close', () => tar.destroy())
  tar.pipe(output)
  fill()
    .catch((error: Error) => tar.destroy(error))
    .finally(() => Promise.all(handles.map((handle) => handle.close())))
    .catch(() => {}) // already closed, together with its stream

  const entries = [manifest.length, ...files.map(({ bytes }) => bytes)]
  return {
    tar: output,
    bytes: entries.reduce(
      (sum, bytes) => sum + blockBytes + Math.ceil(bytes / blockBytes) * blockBytes,
      2 * blockBytes,
    ),
  }
}

async function openFiles(
  folder: string,
  files: readonly SnapshotFile[],
): Promise<{ manifest: Buffer; handles: FileHandle[] }> {
  const handles: FileHandle[] = []
  try {
    for (const { name } of files) handles.push(await open(join(folder, name)))
    return { manifest: await readFile(join(folder, manifestName)), handles }
  } catch (error) {
    await Promise.all(handles.map((handle) => handle.close()))
    // it was deleted in this moment
    throw (error as NodeJS.ErrnoException).code === 'ENOENT' ? new AlikeError('snapshot_not_found') : error
  }
}

async function packFile(
  tar: Pack,
  header: { name: string; size: number; mtime: Date },
  content: Readable,
  sha256: string,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const entry = tar.entry(header, (error) => (error ? reject(error) : resolve()))
    tar.once('close', () => reject(new Error('nobody reads the archive any more')))
    pipeline(content, expectSha256(sha256), entry).catch(reject)
  })
}

/**
 * If the data was damaged after it was written, the archive breaks off before its end, so that nobody mistakes it for a
 * complete one.
 */
function expectSha256(sha256: string): Transform {
  const hash = createHash('sha256')
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk)
      done(null, chunk)
    },
    flush: (done) => done(hash.digest('hex') === sha256 ? null : new AlikeError('snapshot_damaged')),
  })
}
