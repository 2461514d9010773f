/**
 * A list inside an archive that describes its pictures: `manifest.csv`, `labels.csv` or `manifest.ndjson`, at the top
 * level of the archive or in a top-level folder. It is read before the first picture, wherever it lies.
 */
import { setImmediate as others } from 'node:timers/promises'
import { AlikeError } from '../../errors.js'
import { nfc } from '../../text.js'
import type { ManifestLine } from '../line-schemas.js'
import { isLitterName } from '../litter.js'
import { nameOf, segmentsOf } from '../names.js'
import type { ImageDetails, SourceDescription, SourceLimits } from '../source.js'
import { type ManifestFormat, rowsOf } from './manifest-rows.js'

/** Takes up to six times its size in memory while its job runs (a million short rows); reading it leaves garbage besides. */
const manifestMaxBytes = 16 * 2 ** 20

/** Rows read per turn: about 2 ms, so that searches do not wait for a million of them. */
const rowsAtOnce = 128

const formats: Readonly<Record<string, ManifestFormat>> = {
  'manifest.csv': 'csv',
  'labels.csv': 'csv',
  'manifest.ndjson': 'ndjson',
  'manifest.jsonl': 'ndjson',
}

/** The manifest format of this path in an archive, or undefined. */
export function manifestFormat(path: string): ManifestFormat | undefined {
  const segments = segmentsOf(path)
  const name = segments.at(-1) ?? ''
  if (segments.length > 2 || segments.some(isLitterName)) return undefined
  return Object.hasOwn(formats, name) ? formats[name] : undefined
}

export class UploadManifest {
  /** Path of the manifest, as written in the archive. */
  readonly path: string
  /** Path of a file in the archive → its row as JSON, the smallest way to keep a million of them. */
  readonly #rows = new Map<string, string>()
  readonly #met = new Set<string>()

  private constructor(path: string) {
    this.path = path
  }

  /** @throws AlikeError `manifest_invalid`, naming the row; what the stream throws */
  static async read(
    path: string,
    stream: AsyncIterable<Uint8Array>,
    description: SourceDescription,
    limits: SourceLimits,
  ): Promise<UploadManifest> {
    const manifest = new UploadManifest(path)
    const folder = path.replaceAll('\\', '/').split('/').slice(0, -1).join('/')
    for await (const { place, read } of rowsOf(
      bounded(stream, path),
      manifestFormat(path) ?? 'csv',
      description,
      limits,
    )) {
      if (manifest.#rows.size % rowsAtOnce === 0) await others()
      try {
        manifest.#add(folder, read(), limits)
      } catch (error) {
        if (!(error instanceof AlikeError)) throw error
        throw invalid(path, `${place}: ${error.detail ?? error.message}`)
      }
    }
    return manifest
  }

  #add(folder: string, { file, ...row }: ManifestLine, { ingestMaxFiles }: SourceLimits): void {
    const { id } = nameOf(folder === '' ? file : `${folder}/${file}`)
    if (this.#rows.has(id)) throw new AlikeError('manifest_invalid', { detail: 'It names a file twice.' })
    if (this.#rows.size >= ingestMaxFiles)
      throw new AlikeError('manifest_invalid', { detail: `There are more than ${ingestMaxFiles} rows.` })
    this.#rows.set(id, JSON.stringify(row))
  }

  /** @param file normalised path; recorded as present in the archive */
  rowOf(file: string): Omit<ManifestLine, 'file'> | undefined {
    const row = this.#rows.get(file)
    if (row === undefined) return undefined
    this.#met.add(file)
    return JSON.parse(row) as Omit<ManifestLine, 'file'>
  }

  /** Whether a row describes this file. @param file normalised path */
  names(file: string): boolean {
    return this.#rows.has(file)
  }

  /** Files that were named but did not arrive. */
  *missing(): Generator<string> {
    for (const name of this.#rows.keys()) if (!this.#met.has(name)) yield name
  }
}

/** Combines path, manifest and upload; the manifest takes precedence. @throws AlikeError `archive_path_invalid` */
export function detailsOf(
  path: string,
  description: SourceDescription,
  manifest: UploadManifest | undefined,
): ImageDetails {
  const { id, label } = nameOf(path)
  const row = manifest?.rowOf(id)
  return {
    id: nfc(row?.id ?? id),
    label: nfcLabel(row?.label !== undefined ? row.label : (label ?? description.label)),
    metadata: row?.metadata,
    reference: row?.reference,
  }
}

function nfcLabel(label: string | null | undefined): string | null | undefined {
  return typeof label === 'string' ? nfc(label) : label
}

export function secondManifest(first: string, second: string): AlikeError {
  return invalid(second, `there is another one, ${first}`)
}

/** Beyond it there may be rows: without them, pictures would get other ids and labels. */
export function damagedManifest(cause: unknown): AlikeError {
  return new AlikeError('manifest_invalid', { detail: 'It is damaged inside the archive.', cause })
}

async function* bounded(stream: AsyncIterable<Uint8Array>, path: string): AsyncGenerator<Uint8Array> {
  let bytes = 0
  for await (const chunk of stream) {
    bytes += chunk.length
    if (bytes > manifestMaxBytes) throw invalid(path, `it has more than ${manifestMaxBytes} bytes`)
    yield chunk
  }
}

function invalid(path: string, what: string): AlikeError {
  return new AlikeError('manifest_invalid', { detail: `${path}, ${what.replace(/\.$/, '')}.` })
}
