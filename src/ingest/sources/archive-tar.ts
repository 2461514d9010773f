/**
 * Pictures in a tar archive, packed with gzip or Zstandard or not; and uploaded files, which are
 * kept as a tar of our own. An archive is read twice: once to count and to find a manifest, which
 * may lie anywhere in it, and once to take it in.
 */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { AlikeError } from '../../errors.js'
import { headersMaxOf, tooManyFiles, UnpackedBytes } from '../archive-bounds.js'
import { Manifest, manifestFormat, saidOf, secondManifest } from '../manifest/manifest.js'
import { isClutter, pathOf, pathTooLong, shownName } from '../names.js'
import { imageTooLarge, readBounded } from '../read-bounded.js'
import type { Source, SourceDescription, SourceItem, SourceLimits } from '../source.js'
import { tarEntries, type TarEntry } from '../tar/tar-entries.js'
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
  entries: AsyncIterable<NamedEntry>
  /** Of the file. */
  bytesRead(): number
  destroy(error?: Error): void
}

interface NamedEntry extends TarEntry {
  path: string
  isTooLong: boolean
}

function unpack(file: string, { kind }: SourceDescription, limits: SourceLimits): Unpacking {
  const reader = createReadStream(file, { highWaterMark: 256 * 1024 })
  const unpacker = kind === 'tar.gz' ? reader.pipe(createGunzip()) : kind === 'tar.zst' ? Readable.from(unzstd(reader as AsyncIterable<Buffer>), { objectMode: false }) : undefined
  reader.on('error', (error) => unpacker?.destroy(error))
  const bytes = unpacker === undefined ? reader : new UnpackedBytes(limits).counted(unpacker)
  return {
    entries: namedEntries(tarEntries(bytes as AsyncIterable<Buffer>, { headersMax: headersMaxOf(limits) })),
    bytesRead: () => reader.bytesRead,
    destroy(error) {
      reader.destroy(error)
      unpacker?.destroy(error)
    },
  }
}

async function* namedEntries(entries: AsyncIterable<TarEntry>): AsyncGenerator<NamedEntry> {
  for await (const entry of entries) yield { ...entry, ...pathOf(entry.name) }
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
      if (isPassedOver(entry)) continue
      const { path, content } = entry
      if (isFile(entry) && !entry.isTooLong && manifestFormat(path) !== undefined) {
        if (manifest !== undefined) throw secondManifest(manifest.path, path)
        manifest = await Manifest.read(path, content, limits)
      } else if (++files > limits.ingestMaxFiles) throw tooManyFiles(limits)
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

async function* readItems(entries: AsyncIterable<NamedEntry>, from: number, description: SourceDescription, limits: SourceLimits, manifest: Manifest | undefined): AsyncGenerator<SourceItem> {
  let index = 0
  try {
    for await (const entry of entries) {
      if (description.kind !== 'files' && (isPassedOver(entry) || entry.path === manifest?.path)) continue
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

function isPassedOver({ type, path, isTooLong }: NamedEntry): boolean {
  return type === '5' || (!isTooLong && isClutter(path))
}

function isFile({ type }: NamedEntry): boolean {
  return type === '0' || type === '7'
}

const otherTypes: Readonly<Record<string, string>> = { 1: 'link', 2: 'symlink', 3: 'character-device', 4: 'block-device', 6: 'fifo' }

/** Undefined before item number `from`: its name is looked at, because the manifest has to know of it, its bytes are not. */
async function readItem(entry: NamedEntry, index: number, from: number, description: SourceDescription, limits: SourceLimits, manifest: Manifest | undefined): Promise<SourceItem | undefined> {
  const uploaded = description.kind === 'files' ? uploadedFileOf(entry.pax) : undefined
  const path = uploaded?.path ?? entry.path
  const name = shownName(path)
  try {
    if (uploaded?.error !== undefined) throw new AlikeError(uploaded.error)
    if (entry.isTooLong) throw pathTooLong()
    if (!isFile(entry)) throw new AlikeError('archive_path_invalid', { detail: `It is a ${otherTypes[entry.type] ?? 'special entry'}, not a file.` })
    const said = saidOf(path, description, manifest)
    if (index < from) return undefined
    if (entry.size > limits.uploadMaxBytes) throw imageTooLarge(limits.uploadMaxBytes)
    const bytes = await readBounded(entry.content, limits.uploadMaxBytes)
    return { index, name, ...said, ...(uploaded?.label !== undefined && { label: uploaded.label }), bytes }
  } catch (error) {
    if (!(error instanceof AlikeError)) throw error
    return index < from ? undefined : { index, name, error }
  }
}
