/** Reads a snapshot completely, from its folder or archive, and verifies every checksum. */
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream, type Stats } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { extract } from 'tar-stream'
import { asStorageError } from '../durable-files.js'
import { AlikeError } from '../errors.js'
import { type BackupManifest, databaseName, manifestName, parseManifest, type SnapshotFile } from './backup-manifest.js'

interface Entry {
  name: string
  content: AsyncIterable<Buffer>
}

const manifestMaxBytes = 64 * 2 ** 20

/**
 * @param path of a snapshot's folder or archive.
 * @param to where to write the database, synced to disk and overwriting an existing file; omit it to verify only.
 * @throws AlikeError `snapshot_not_found`, `snapshot_damaged`, `storage_full`
 */
export async function readSnapshot(path: string, to?: string): Promise<BackupManifest> {
  let manifest: BackupManifest | undefined
  let database: Omit<SnapshotFile, 'name'> | undefined
  try {
    // repacked by another program, they come in any order
    for await (const { name, content } of (await expectThere(path)).isDirectory() ? filesOf(path) : entriesOf(path)) {
      if (name === manifestName && manifest === undefined) {
        manifest = parseManifest(await textOf(content))
        if (manifest === undefined) throw damaged('Its manifest is damaged, or of a newer version.')
      } else if (name === databaseName && database === undefined) database = await copied(content, to)
      else throw damaged(`It contains another file: ${name}.`)
    }
    const stated = manifest?.files.find((file) => file.name === databaseName)
    if (manifest === undefined || database === undefined || stated === undefined) throw damaged('It is not complete.')
    expectSame(database, stated)
    return manifest
  } catch (error) {
    throw asSnapshotError(error)
  }
}

function expectThere(path: string): Promise<Stats> {
  return stat(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT') throw cause
    throw new AlikeError('snapshot_not_found', { detail: `${path} does not exist.`, cause })
  })
}

async function* filesOf(folder: string): AsyncGenerator<Entry> {
  for (const name of [manifestName, databaseName])
    yield { name, content: createReadStream(join(folder, name), { highWaterMark: 1 << 18 }) as AsyncIterable<Buffer> }
}

async function* entriesOf(archive: string): AsyncGenerator<Entry> {
  const entries = extract()
  createReadStream(archive, { highWaterMark: 1 << 18 })
    .on('error', (error) => entries.destroy(error))
    .pipe(entries)
  for await (const entry of entries) {
    if (entry.header.type === 'directory')
      entry.resume() // repacked by another program
    else yield { name: basename(entry.header.name), content: entry as AsyncIterable<Buffer> }
  }
}

async function copied(content: AsyncIterable<Buffer>, to: string | undefined): Promise<Omit<SnapshotFile, 'name'>> {
  const hash = createHash('sha256')
  let bytes = 0
  const counted = async function* () {
    for await (const chunk of content) {
      hash.update(chunk)
      bytes += chunk.length
      yield chunk
    }
  }
  await pipeline(counted, to === undefined ? nowhere() : createWriteStream(to, { flush: true }))
  return { bytes, sha256: hash.digest('hex') }
}

function expectSame(found: Omit<SnapshotFile, 'name'>, stated: SnapshotFile): void {
  if (found.bytes !== stated.bytes) throw damaged(`Its database has ${found.bytes} bytes instead of ${stated.bytes}.`)
  if (found.sha256 !== stated.sha256) throw damaged('Its database does not have the checksum of its manifest.')
}

function nowhere(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() })
}

async function textOf(content: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of content) {
    bytes += chunk.length
    if (bytes > manifestMaxBytes) throw damaged('Its manifest is too large to be one.')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function asSnapshotError(error: unknown): unknown {
  const known = asStorageError(error)
  if (known instanceof AlikeError) return known
  return new AlikeError('snapshot_damaged', {
    detail: 'It cannot be read: is it the folder or tar of a snapshot?',
    cause: error,
  })
}

function damaged(detail: string): AlikeError {
  return new AlikeError('snapshot_damaged', { detail })
}
