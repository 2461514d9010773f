/** The pictures that an evaluation stores, as one upload: a tar whose manifest gives each its id and its label. */
import { Readable } from 'node:stream'
import { pack } from 'tar-stream'
import { bytesOf } from '../datasets/image-bytes.js'
import type { LabelledImage } from '../datasets/labelled-image.js'

/** Any, but the same in every attempt: one with other bytes would be another upload under the same idempotency key. */
const mtime = new Date(0)

/** One picture in memory at a time: the next is read when the service has taken the previous one. */
export function archiveOf(images: readonly LabelledImage[]): Readable {
  const archive = pack()
  const add = (name: string, bytes: Uint8Array) =>
    new Promise<void>((resolve, reject) =>
      archive.entry({ name, size: bytes.length, mtime }, Buffer.from(bytes), (error) =>
        error ? reject(error) : resolve(),
      ),
    )
  const write = async () => {
    // a path cannot carry every label, nor an id with folders beside the label
    const rows = images.map(({ id, label }, file) => JSON.stringify({ file: `${file}`, id, label }))
    await add('manifest.ndjson', Buffer.from(rows.join('\n')))
    for (const [file, image] of images.entries()) {
      // the service reports files of the manifest that are not there as failed
      const bytes = await bytesOf(image).catch(() => undefined)
      if (bytes !== undefined) await add(`${file}`, bytes)
    }
    archive.finalize()
  }
  write().catch((error: unknown) => archive.destroy(error as Error))
  return Readable.from(archive)
}
