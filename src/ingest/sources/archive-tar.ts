/**
 * Pictures in a tar archive, packed with gzip or Zstandard or not; and uploaded files, which are
 * kept as a tar of our own. An archive is read twice: once to count and to find a manifest, which
 * may lie anywhere in it, and once to take it in.
 */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Readable, Transform } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { extract, type Extract } from 'tar-stream'
import { AlikeError } from '../../errors.js'
import { Manifest, manifestFormat, saidOf, secondManifest } from '../manifest/manifest.js'
import { isClutter, shownName } from '../names.js'
import { imageTooLarge, readBounded } from '../read-bounded.js'
import { tooManyFiles, type Source, type SourceDescription, type SourceItem, type SourceLimits } from '../source.js'
import { unzstd } from '../zstd/unzstd.js'
import { uploadedFileOf } from './files.js'

export async function openTar(file: string, description: SourceDescription, limits: SourceLimits, signal?: AbortSignal): Promise<Source> {
  const { size } = await stat(file)
  const { manifest, total } = description.kind === 'files' ? {} : await survey(file, description, limits, signal)
  let unpacking: Unpacking | undefined
  return {
    ...(total !== undefined && { total }),
    get share() {
      return size === 0 ? 1 : (unpacking?.bytesRead() ?? 0) / size
    },
    items(from) {
      unpacking = unpack(file, description, limits)
      return readItems(unpacking.entries, from, description, limits, manifest)
    },
    close: async () => unpacking?.destroy(),
  }
}

interface Unpacking {
  entries: Extract
  /** Of the file. */
  bytesRead(): number
  destroy(error?: Error): void
}

function unpack(file: string, { kind }: SourceDescription, limits: SourceLimits): Unpacking {
  const reader = createReadStream(file, { highWaterMark: 256 * 1024 })
  const unpacker = kind === 'tar.gz' ? reader.pipe(createGunzip()) : kind === 'tar.zst' ? Readable.from(unzstd(reader as AsyncIterable<Buffer>), { objectMode: false }) : undefined
  const source = unpacker === undefined ? reader : unpacker.pipe(bounded(limits.ingestMaxBytes))
  const entries = extract()
  const stages = new Set([reader, unpacker, source])
  for (const stage of stages) stage?.on('error', (error: Error) => entries.destroy(error))
  source.pipe(entries)
  return {
    entries,
    bytesRead: () => reader.bytesRead,
    destroy(error) {
      entries.destroy(error)
      for (const stage of stages) stage?.destroy()
    },
  }
}

/** A few kilobytes of gzip can unpack to terabytes. */
function bounded(maxBytes: number): Transform {
  let bytes = 0
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length
      done(bytes > maxBytes ? new AlikeError('archive_unreadable', { detail: `It unpacks to more than ${maxBytes} bytes.` }) : null, chunk)
    },
  })
}

/** What damage hides is not known: `total` is left out, and taking in will meet the damage. */
async function survey(file: string, description: SourceDescription, limits: SourceLimits, signal: AbortSignal | undefined): Promise<{ manifest?: Manifest; total?: number }> {
  const unpacking = unpack(file, description, limits)
  const stop = () => unpacking.destroy(new Error('stopped'))
  signal?.addEventListener('abort', stop)
  let manifest: Manifest | undefined
  let files = 0
  try {
    for await (const entry of unpacking.entries) {
      const { name } = entry.header
      if (isPassedOver(entry)) entry.resume()
      else if (isFile(entry) && manifestFormat(name) !== undefined) {
        if (manifest !== undefined) throw secondManifest(manifest.path, name)
        manifest = await Manifest.read(name, entry as AsyncIterable<Buffer>, limits)
      } else {
        if (++files > limits.ingestMaxFiles) throw tooManyFiles(limits)
        entry.resume()
      }
    }
    // With a manifest, files that it names and that are missing count too.
    return manifest === undefined ? { total: files } : { manifest }
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof AlikeError) throw error
    return { ...(manifest && { manifest }) }
  } finally {
    signal?.removeEventListener('abort', stop)
    unpacking.destroy()
  }
}

async function* readItems(entries: Extract, from: number, description: SourceDescription, limits: SourceLimits, manifest: Manifest | undefined): AsyncGenerator<SourceItem> {
  let index = 0
  try {
    for await (const entry of entries) {
      const { name } = entry.header
      if (description.kind !== 'files' && (isPassedOver(entry) || name === manifest?.path)) {
        entry.resume()
        continue
      }
      if (index >= limits.ingestMaxFiles) throw tooManyFiles(limits)
      const item = await readItem(entry, index, from, description, limits, manifest)
      if (item !== undefined) yield item
      index += 1
    }
  } catch (cause) {
    if (cause instanceof AlikeError) throw cause
    throw new AlikeError('archive_unreadable', { detail: `It is damaged after ${index} files.`, cause })
  }
  for (const item of manifest?.missing(index) ?? []) if (item.index >= from) yield item
}

type TarEntry = Extract extends AsyncIterable<infer Entry> ? Entry : never

function isPassedOver({ header }: TarEntry): boolean {
  return header.type === 'directory' || isClutter(header.name)
}

function isFile({ header }: TarEntry): boolean {
  return header.type === 'file' || header.type === 'contiguous-file'
}

/** Undefined before item number `from`: its name is looked at, because the manifest has to know of it, its bytes are not. */
async function readItem(entry: TarEntry, index: number, from: number, description: SourceDescription, limits: SourceLimits, manifest: Manifest | undefined): Promise<SourceItem | undefined> {
  const uploaded = description.kind === 'files' ? uploadedFileOf(entry.header) : undefined
  const path = uploaded?.path ?? entry.header.name
  const name = shownName(path)
  try {
    if (uploaded?.error !== undefined) throw new AlikeError(uploaded.error)
    if (!isFile(entry)) throw new AlikeError('archive_path_invalid', { detail: `It is a ${entry.header.type}, not a file.` })
    const said = saidOf(path, description, manifest)
    if (index < from) {
      entry.resume()
      return undefined
    }
    if (entry.header.size > limits.uploadMaxBytes) throw imageTooLarge(limits.uploadMaxBytes)
    const bytes = await readBounded(entry as AsyncIterable<Buffer>, limits.uploadMaxBytes)
    return { index, name, ...said, ...(uploaded?.label !== undefined && { label: uploaded.label }), bytes }
  } catch (error) {
    entry.resume()
    if (!(error instanceof AlikeError)) throw error
    return index < from ? undefined : { index, name, error }
  }
}
