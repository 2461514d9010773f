/**
 * Pictures in a tar archive, uncompressed or packed with gzip or Zstandard; also uploaded files, which are stored as
 * our own tar. An archive is read twice: first to count items and find a manifest, which may be anywhere in it, then to
 * take the pictures in.
 */
import { stat } from 'node:fs/promises'
import { setImmediate as others } from 'node:timers/promises'
import { AlikeError } from '../../errors.js'
import { tooManyFiles, type UnpackedBytes } from '../archive-bounds.js'
import type { ReadName } from '../name-encoding.js'
import { imageTooLarge, readBounded } from '../read-bounded.js'
import type { Source, SourceDescription, SourceItem, SourceLimits } from '../source.js'
import { uploadedFileOf } from './files.js'
import { ItemNames, type NamedItem } from './item-names.js'
import { noLinks, surveyTar, type TarSurvey } from './survey-tar.js'
import { type NamedEntry, type Unpacking, unpackTar } from './unpack-tar.js'

export async function openTar(
  file: string,
  description: SourceDescription,
  limits: SourceLimits,
  signal?: AbortSignal,
): Promise<Source> {
  const { size } = await stat(file)
  const survey: TarSurvey =
    description.kind === 'files' ? { links: noLinks } : await surveyTar(file, description, limits, signal)
  let unpacking: Unpacking | undefined
  return {
    total: survey.total,
    get share() {
      return size === 0 ? 1 : (unpacking?.bytesRead() ?? 0) / size
    },
    items(from) {
      unpacking = unpackTar(file, description, limits)
      return readItems(unpacking, { from, description, limits }, survey)
    },
    close: async () => unpacking?.destroy(),
  }
}

/** Names examined per turn: names that lead to no picture also take time on the main thread. */
const namesAtOnce = 128

async function* readItems(
  { entries, unpacked, hasTrailing }: Unpacking,
  { from, description, limits }: { from: number; description: SourceDescription; limits: SourceLimits },
  { manifest, links }: TarSurvey,
): AsyncGenerator<SourceItem> {
  const names = new ItemNames(description, manifest)
  let files = 0
  try {
    for await (const entry of entries) {
      if (
        entry.kind === 'folder' ||
        links.bound.has(entry.number) ||
        (manifest !== undefined && entry.path === manifest.path)
      )
        continue
      const reading = new FileReading(entry, limits, unpacked)
      for (const name of [entry, ...(links.ofFile.get(entry.number) ?? [])]) {
        const item = names.next(nameIn(entry, name, description))
        if (!('skipped' in item) && ++files > limits.ingestMaxFiles) throw tooManyFiles(limits)
        if (item.index % namesAtOnce === 0) await others()
        if (item.index >= from) yield 'id' in item ? await reading.of(item) : item
      }
    }
  } catch (cause) {
    if (cause instanceof AlikeError) throw cause
    throw new AlikeError('archive_unreadable', { detail: `It is damaged after ${names.count} files.`, cause })
  }
  if (hasTrailing()) yield* names.passedOver('end of the archive', new AlikeError('archive_trailing_bytes'), from)
  yield* names.rest(from)
}

const nothingToTake: Partial<Record<NamedEntry['kind'], string>> = {
  link: 'It is a hard link to a file that does not come before it.',
  symlink: 'It is a symlink, not a file.',
  continuation: 'It goes on from another volume.',
}

function nameIn(
  { kind, pax }: NamedEntry,
  { path, misfit, isAssumed }: ReadName,
  description: SourceDescription,
): ReadName & { isDevice: boolean; label?: string | undefined } {
  const uploaded = description.kind === 'files' ? uploadedFileOf(pax) : undefined
  const detail = nothingToTake[kind]
  return {
    path: uploaded?.path ?? path,
    label: uploaded?.label,
    misfit:
      misfit ??
      (uploaded?.error && new AlikeError(uploaded.error)) ??
      (detail === undefined ? undefined : new AlikeError('archive_path_invalid', { detail })),
    isAssumed,
    isDevice: kind === 'device',
  }
}

/** Reads the bytes once for all names of the file, if any of them is wanted. */
class FileReading {
  readonly #entry: NamedEntry
  readonly #limits: SourceLimits
  readonly #unpacked: UnpackedBytes
  #read: { bytes: Buffer } | { error: AlikeError } | undefined

  constructor(entry: NamedEntry, limits: SourceLimits, unpacked: UnpackedBytes) {
    this.#entry = entry
    this.#limits = limits
    this.#unpacked = unpacked
  }

  async of(item: Extract<NamedItem, { id: string }>): Promise<SourceItem> {
    const { size, holeBytes } = this.#entry
    // Stored bytes are counted as they arrive; holes and additional names are counted here.
    if (size <= this.#limits.uploadMaxBytes) this.#unpacked.add(this.#read === undefined ? holeBytes : size)
    this.#read ??= await this.#readOnce()
    return 'error' in this.#read
      ? { index: item.index, name: item.name, error: this.#read.error }
      : { ...item, bytes: this.#read.bytes }
  }

  async #readOnce(): Promise<{ bytes: Buffer } | { error: AlikeError }> {
    const { uploadMaxBytes } = this.#limits
    try {
      if (this.#entry.size > uploadMaxBytes) throw imageTooLarge(uploadMaxBytes)
      return { bytes: await readBounded(this.#entry.content, uploadMaxBytes) }
    } catch (error) {
      if (!(error instanceof AlikeError) || error.code === 'archive_unreadable') throw error
      return { error }
    }
  }
}
