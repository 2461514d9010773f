/**
 * Unpacks a model folder from a tar, plain or gzipped, as created by `tar -C onnx -cz NAME`. Accepts only files that
 * belong to a model folder.
 */
import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { finished, PassThrough, Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { extract, type Header } from 'tar-stream'
import { AlikeError } from '../errors.js'

const parts = [
  /^manifest\.json$/,
  /^metrics\.json$/,
  /^model-card\.md$/,
  /^[\w.-]+\.onnx$/,
  /^plots\/[\w-]+\.svg$/,
  /^golden\/[\w.-]+$/,
]
const filesMax = 500

/**
 * @param archive not destroyed on failure: the caller decides what happens to the rest of a request
 * @param maxBytes maximum size of all files, unpacked
 * @throws AlikeError `model_unreadable` for an invalid archive, `body_too_large`; disk errors unchanged; the signal's
 * reason
 */
export async function unpackModel(
  archive: Readable,
  folder: string,
  { maxBytes, signal }: { maxBytes: number; signal?: AbortSignal | undefined },
): Promise<void> {
  signal?.throwIfAborted() // it is not aborted again
  const entries = extract()
  const plain = new PassThrough()
  const stop = () => plain.destroy(signal!.reason as Error)
  signal?.addEventListener('abort', stop)
  const reading = (async () => {
    const first = await firstBytes(archive, plain)
    const isGzip = first[0] === 0x1f && first[1] === 0x8b
    await (isGzip ? pipeline(plain, createGunzip(), entries) : pipeline(plain, entries))
  })()
  // it may end before there are entries, which would be waited for
  reading.catch((error: Error) => entries.destroy(error))
  let [files, left, hasManifest] = [0, maxBytes, false]
  try {
    for await (const entry of entries) {
      const name = nameOf(entry.header)
      if (name === undefined) {
        entry.resume()
        continue
      }
      hasManifest ||= name === 'manifest.json'
      if (++files > filesMax) throw misfit(`It holds more than ${filesMax} files.`)
      // listens from now on: an entry that broke off while its folder is created would be awaited for ever
      const content = Readable.from(entry, { objectMode: false })
      const path = join(folder, name)
      await mkdir(dirname(path), { recursive: true })
      await pipeline(
        content,
        atMost(left, (bytes) => (left -= bytes), maxBytes),
        createWriteStream(path, { flags: 'wx', flush: true }),
      )
    }
    await reading
    if (!hasManifest) throw misfit('It has no manifest.json: it is not a folder written by training or an import.')
  } catch (error) {
    archive.unpipe(plain)
    plain.destroy()
    throw asModelError(error)
  } finally {
    signal?.removeEventListener('abort', stop)
  }
}

/** Passes everything on, and reports the first bytes. */
async function firstBytes(archive: Readable, onward: PassThrough): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    archive.once('data', (chunk: Buffer) => resolve(chunk))
    archive.once('end', () => resolve(Buffer.alloc(0)))
    onward.once('error', reject)
    // `pipe` does not pass on that the archive ended early
    finished(archive, (error) => error && onward.destroy(error))
    archive.pipe(onward)
  })
}

/** Below the archive's single folder, or at its top; undefined for folders and other entries to skip. */
function nameOf({ name, type }: Header): string | undefined {
  if (type === 'directory') return undefined
  if (type !== 'file' && type !== 'contiguous-file') throw misfit(`${name} is no plain file.`)
  const path = name.replace(/^(\.\/)+/, '')
  if (path.startsWith('/') || path.split('/').includes('..')) throw misfit(`${name} leaves the folder.`)
  const inner = parts.some((part) => part.test(path)) ? path : path.slice(path.indexOf('/') + 1)
  if (/(^|\/)\./.test(inner)) return undefined // left behind by file managers
  if (inner === 'split.json') return undefined // of the training job: which pictures the network has learnt from
  if (parts.some((part) => part.test(inner))) return inner
  throw misfit(`${name} is no part of a model folder.`)
}

function atMost(left: number, take: (bytes: number) => void, maxBytes: number): Transform {
  let rest = left
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      rest -= chunk.length
      take(chunk.length)
      if (rest >= 0) return done(null, chunk)
      done(new AlikeError('body_too_large', { detail: `A model may be at most ${maxBytes} bytes.` }))
    },
  })
}

function misfit(detail: string): AlikeError {
  return new AlikeError('model_unreadable', { detail })
}

function asModelError(error: unknown): unknown {
  if (error instanceof AlikeError) return error
  const { code = '', message } = error as NodeJS.ErrnoException
  if (code === 'EEXIST') return misfit('It holds a file twice.')
  const isOfDisk = ['ENOSPC', 'EDQUOT', 'EFBIG', 'EACCES', 'EROFS', 'EIO'].includes(code)
  return isOfDisk
    ? error
    : new AlikeError('model_unreadable', { detail: `It is not a readable tar: ${message}`, cause: error })
}
