/**
 * Many files of one form. They are spooled as our own tar: one file on disk however many pictures, written and read in
 * one stream, by the same code as an uploaded archive.
 */
import { PassThrough } from 'node:stream'
import { pack } from 'tar-stream'
import { contentHashOf } from '../../content-hash.js'
import { catalogue, type ErrorCode } from '../../errors.js'
import { pathMaxBytes, shownName } from '../names.js'
import type { PaxValues } from '../tar/pax-records.js'

export interface UploadedFile {
  /** File name as sent, including folders; the content hash replaces a missing name. */
  path: string | undefined
  /** The form's label; undefined derives it from the path. */
  label: string | undefined
  /** The bytes, or why they were refused. */
  content: Buffer | { error: ErrorCode }
}

/** pax keys for data without a tar header field. */
const keys = { path: 'ALIKE.path', label: 'ALIKE.label', error: 'ALIKE.error' } as const

/**
 * @returns the tar as a stream; it ends after the last file, or fails as `files` does. Destroying it stops reading from
 * `files`.
 */
export function packFiles(files: AsyncIterable<UploadedFile>): { tar: NodeJS.ReadableStream; count(): number } {
  const tar = pack()
  const output = new PassThrough()
  let count = 0
  let giveUp = () => {}
  output.once('close', () => giveUp())
  const packOne = (header: EntryHeader, bytes: Buffer) =>
    // one promise at a time: racing each file against one for the end would keep something of every file until then
    new Promise<void>((resolve, reject) => {
      // the packer is not notified and would wait for its reader
      giveUp = () => reject(new Error('nobody reads the tar any more'))
      if (output.destroyed) giveUp()
      else tar.entry(header, bytes, (error) => (error ? reject(error) : resolve()))
    })
  const packAll = async () => {
    for await (const given of files) {
      const file = withinPath(given)
      const bytes = Buffer.isBuffer(file.content) ? file.content : Buffer.alloc(0)
      await packOne(headerOf(file, bytes, file.path ?? (await contentHashOf(bytes))), bytes)
      count += 1
    }
    tar.finalize()
  }
  tar.on('error', (error: Error) => output.destroy(error))
  tar.pipe(output)
  packAll().catch((error: Error) => output.destroy(error))
  return { tar: output, count: () => count }
}

/** A longer path is an error line, as in an archive: whoever reads the tar would refuse its header. */
function withinPath(file: UploadedFile): UploadedFile {
  const { path = '' } = file
  if (Buffer.byteLength(path) <= pathMaxBytes) return file
  return { ...file, path: shownName(path), content: { error: 'archive_path_invalid' } }
}

type EntryHeader = ReturnType<typeof headerOf>

function headerOf({ label, content }: UploadedFile, bytes: Buffer, path: string) {
  const pax: Record<string, string> = { [keys.path]: path }
  if (label !== undefined) pax[keys.label] = label
  if (!Buffer.isBuffer(content)) pax[keys.error] = content.error
  // The same form yields the same bytes, by which a repeated upload is recognised.
  return { name: 'picture', size: bytes.length, mtime: new Date(0), pax }
}

/** The inverse of `packFiles`, for one entry. */
export function uploadedFileOf(pax: PaxValues): {
  path: string
  label: string | undefined
  error: ErrorCode | undefined
} {
  const [path = '', label, error] = [keys.path, keys.label, keys.error].map((key) => pax.text(key))
  return { path, label, error: isErrorCode(error) ? error : undefined }
}

function isErrorCode(text: string | undefined): text is ErrorCode {
  return text !== undefined && text in catalogue
}
