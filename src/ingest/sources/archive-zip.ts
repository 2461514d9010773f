/** Pictures in a zip archive, in the order of its directory. */
import type { Readable } from 'node:stream'
import { crc32 } from 'node:zlib'
import type { Entry, ZipFile } from 'yauzl'
import { AlikeError, hasCode } from '../../errors.js'
import { tooManyFiles, UnpackedBytes } from '../archive-bounds.js'
import { isPassedOver } from '../passed-over.js'
import { imageTooLarge, readBounded } from '../read-bounded.js'
import type { Source, SourceDescription, SourceLimits } from '../source.js'
import { damagedManifest, manifestFormat, secondManifest, UploadManifest } from '../upload-manifest/upload-manifest.js'
import { Extents } from './extents.js'
import { ItemNames } from './item-names.js'
import { filesOfZip, openZipFile, type ZippedFile } from './zip-directory.js'

/** @throws AlikeError `archive_unreadable` if its directory is damaged; `manifest_invalid` */
export async function openZip(path: string, description: SourceDescription, limits: SourceLimits): Promise<Source> {
  const { count, manifest, extents } = await survey(path, description, limits)
  const zip = await openZipFile(path)
  const unpacked = new UnpackedBytes(limits)
  const names = new ItemNames(description, manifest?.manifest)
  return {
    // With a manifest, missing files that it names count too.
    total: manifest === undefined ? count : undefined,
    get share() {
      return count === 0 ? 1 : Math.min(1, names.count / count)
    },
    async *items(from) {
      for await (const file of filesOfZip(zip, description, limits)) {
        if (file.number === manifest?.number) continue
        const item = names.next(file)
        if (item.index < from) continue
        if (!('id' in item)) {
          yield item
          continue
        }
        const read = await bytesIn({ zip, extents, unpacked }, file, limits)
        const { index, name, isNameAssumed } = item
        yield 'bytes' in read ? { ...item, ...read } : { index, name, isNameAssumed, ...read }
      }
      yield* names.rest(from)
    },
    close: async () => zip.close(),
  }
}

/** Reports damage, and anything an honest packer never writes, before unpacking. */
async function survey(
  path: string,
  description: SourceDescription,
  limits: SourceLimits,
): Promise<{ count: number; manifest: { manifest: UploadManifest; number: number } | undefined; extents: Extents }> {
  const zip = await openZipFile(path)
  const extents = new Extents()
  const stated = new UnpackedBytes(limits)
  try {
    let [count, files] = [0, 0]
    let found: { manifest: UploadManifest; number: number } | undefined
    for await (const file of filesOfZip(zip, description, limits, extents)) {
      const { entry, path, misfit, isLink, number } = file
      if (misfit === undefined && manifestFormat(path) !== undefined && !isLink) {
        if (found !== undefined) throw secondManifest(found.manifest.path, path)
        found = { manifest: await readManifest(zip, file, description, limits), number }
        continue
      }
      count += 1
      if (isPassedOver(file, description)) continue
      if (entry.uncompressedSize <= limits.uploadMaxBytes) stated.add(entry.uncompressedSize)
      if (++files > limits.ingestMaxFiles) throw tooManyFiles(limits)
    }
    return { count, manifest: found, extents }
  } finally {
    zip.close()
  }
}

async function readManifest(
  zip: ZipFile,
  { entry, path }: ZippedFile,
  description: SourceDescription,
  limits: SourceLimits,
): Promise<UploadManifest> {
  try {
    return await UploadManifest.read(path, checked(await zip.openReadStreamPromise(entry), entry), description, limits)
  } catch (cause) {
    if (cause instanceof AlikeError && cause.code !== 'image_unreadable') throw cause
    throw damagedManifest(cause)
  }
}

/** A damaged entry does not affect the next one: the directory states where that begins. */
async function bytesIn(
  { zip, extents, unpacked }: { zip: ZipFile; extents: Extents; unpacked: UnpackedBytes },
  { entry, isLink, extent }: ZippedFile,
  { uploadMaxBytes }: SourceLimits,
): Promise<{ bytes: Buffer } | { error: AlikeError }> {
  try {
    if (isLink) throw new AlikeError('archive_path_invalid', { detail: 'It is a link, not a file.' })
    if (!entry.canDecodeFileData())
      throw new AlikeError('image_unreadable', { detail: 'It is encrypted or packed by an unknown method.' })
    if (extents.holdsAnother(extent))
      throw new AlikeError('image_unreadable', { detail: 'Another entry of the archive begins within it.' })
    if (entry.uncompressedSize > uploadMaxBytes) throw imageTooLarge(uploadMaxBytes)
    const stream = await zip.openReadStreamPromise(entry)
    return { bytes: await readBounded(unpacked.counted(checked(stream, entry)), uploadMaxBytes) }
  } catch (error) {
    if (hasCode(error, 'archive_unreadable')) throw error
    return { error: error instanceof AlikeError ? error : damaged(error) }
  }
}

/**
 * Verifies the directory's size and checksum: unpacking ends as soon as there is more than stated.
 * @throws AlikeError `image_unreadable`; what the stream throws
 */
async function* checked(stream: Readable, entry: Entry): AsyncGenerator<Buffer> {
  let [sum, bytes] = [0, 0]
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      sum = crc32(chunk, sum)
      bytes += chunk.length
      if (bytes > entry.uncompressedSize) break
      yield chunk
    }
  } finally {
    stream.destroy()
  }
  if (bytes !== entry.uncompressedSize) throw damaged(new Error('the size does not fit'))
  if (sum !== entry.crc32) throw damaged(new Error('the checksum does not fit'))
}

function damaged(cause: unknown): AlikeError {
  return new AlikeError('image_unreadable', { detail: 'It is damaged inside the archive.', cause })
}
