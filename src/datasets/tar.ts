/** Pictures of a tar archive, in memory that worker threads share without copying. */
import { createReadStream } from 'node:fs'
import { createGunzip } from 'node:zlib'
import { extract } from 'tar-stream'
import { AlikeError } from '../errors.js'
import { imageName } from './folders.js'

/**
 * Entry path (without a leading `./`) → bytes. The encoded pictures of a training set fit into memory; their pixels
 * would not.
 */
export async function readTar(path: string): Promise<Map<string, Uint8Array<SharedArrayBuffer>>> {
  const images = new Map<string, Uint8Array<SharedArrayBuffer>>()
  const entries = extract()
  const file = createReadStream(path)
  const source = path.endsWith('.gz') ? file.pipe(createGunzip()) : file
  file.on('error', (error: Error) => entries.destroy(error))
  source.on('error', (error: Error) => entries.destroy(error)).pipe(entries)
  try {
    for await (const entry of entries) {
      const name = entry.header.name.replace(/^\.\//, '')
      if (entry.header.type !== 'file' || !imageName.test(name)) {
        entry.resume()
        continue
      }
      const bytes = new Uint8Array(new SharedArrayBuffer(entry.header.size ?? 0))
      let offset = 0
      for await (const chunk of entry as AsyncIterable<Buffer>) {
        bytes.set(chunk, offset)
        offset += chunk.length
      }
      images.set(name, bytes)
    }
  } catch (cause) {
    throw new AlikeError('dataset_unusable', { detail: `The tar file ${path} cannot be read, or is damaged.`, cause })
  }
  return images
}
