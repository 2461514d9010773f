/** Pictures as a tar whose folders are labels. */
import { Readable } from 'node:stream'
import { pack } from 'tar-stream'
import type { BenchPicture } from './drawn-gallery.js'

export function archiveOf(pictures: readonly BenchPicture[]): Readable {
  const archive = pack()
  const write = async () => {
    for (const [i, { label, bytes }] of pictures.entries()) {
      await new Promise<void>((resolve, reject) =>
        archive.entry({ name: `${label}/${i}.jpg` }, bytes, (error) => (error ? reject(error) : resolve())),
      )
    }
    archive.finalize()
  }
  write().catch((error: unknown) => archive.destroy(error as Error))
  return Readable.from(archive)
}
