/** Pictures in a tar archive, packed with gzip or not; and uploaded files, which are kept as a tar of our own. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Transform } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { extract, type Extract } from 'tar-stream'
import { AlikeError } from '../../errors.js'
import { isClutter, nameOf, shownName } from '../names.js'
import { imageTooLarge, readBounded } from '../read-bounded.js'
import { tooManyFiles, type Source, type SourceDescription, type SourceItem, type SourceLimits } from '../source.js'
import { uploadedFileOf } from './files.js'

export async function openTar(file: string, description: SourceDescription, limits: SourceLimits): Promise<Source> {
  const { size } = await stat(file)
  const reader = createReadStream(file, { highWaterMark: 256 * 1024 })
  return {
    get share() {
      return size === 0 ? 1 : reader.bytesRead / size
    },
    items: (from) => readItems(unpacked(reader, description, limits), from, description, limits),
    close: async () => void reader.destroy(),
  }
}

function unpacked(reader: ReturnType<typeof createReadStream>, { kind }: SourceDescription, limits: SourceLimits) {
  const entries = extract()
  const stages = kind === 'tar.gz' ? [createGunzip(), bounded(limits.ingestMaxBytes)] : []
  for (const stage of [reader, ...stages]) stage.on('error', (error: Error) => entries.destroy(error))
  stages.reduce<NodeJS.ReadableStream>((source, stage) => source.pipe(stage), reader).pipe(entries)
  return entries
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

async function* readItems(entries: Extract, from: number, description: SourceDescription, limits: SourceLimits): AsyncGenerator<SourceItem> {
  let index = 0
  try {
    for await (const entry of entries) {
      if (description.kind !== 'files' && (entry.header.type === 'directory' || isClutter(entry.header.name))) {
        entry.resume()
        continue
      }
      if (index >= limits.ingestMaxFiles) throw tooManyFiles(limits)
      if (index < from) entry.resume()
      else yield await readItem(entry, index, description, limits)
      index += 1
    }
  } catch (cause) {
    if (cause instanceof AlikeError) throw cause
    throw new AlikeError('archive_unreadable', { detail: `It is damaged after ${index} files.`, cause })
  }
}

type TarEntry = Extract extends AsyncIterable<infer Entry> ? Entry : never

async function readItem(entry: TarEntry, index: number, description: SourceDescription, limits: SourceLimits): Promise<SourceItem> {
  const uploaded = description.kind === 'files' ? uploadedFileOf(entry.header) : undefined
  const name = shownName(uploaded?.path ?? entry.header.name)
  try {
    if (uploaded?.error !== undefined) throw new AlikeError(uploaded.error)
    if (entry.header.type !== 'file' && entry.header.type !== 'contiguous-file') {
      throw new AlikeError('archive_path_invalid', { detail: `It is a ${entry.header.type}, not a file.` })
    }
    const { id, label } = nameOf(uploaded?.path ?? entry.header.name)
    if (entry.header.size > limits.uploadMaxBytes) throw imageTooLarge(limits.uploadMaxBytes)
    const bytes = await readBounded(entry as AsyncIterable<Buffer>, limits.uploadMaxBytes)
    return { index, name, id, label: uploaded?.label ?? label ?? description.label ?? null, bytes }
  } catch (error) {
    entry.resume()
    if (error instanceof AlikeError) return { index, name, error }
    throw error
  }
}
