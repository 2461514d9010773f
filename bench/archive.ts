/** Packs pictures into a tar whose folders are their labels. */
import { Readable } from 'node:stream'
import { pack } from 'tar-stream'
import type { IngestUpload } from '../clients/typescript/src/alike-client.js'
import type { BenchImage } from './drawn-gallery.js'

function archiveOf(images: readonly BenchImage[]): Readable {
  const archive = pack()
  const write = async () => {
    for (const [i, { label, bytes }] of images.entries()) {
      await new Promise<void>((resolve, reject) =>
        archive.entry({ name: `${label}/${i}.jpg` }, bytes, (error) => (error ? reject(error) : resolve())),
      )
    }
    archive.finalize()
  }
  write().catch((error: unknown) => archive.destroy(error as Error))
  return Readable.from(archive)
}

/** For the client, which opens it for each attempt. */
export function tarUpload(images: readonly BenchImage[]): IngestUpload {
  return { open: () => archiveOf(images), contentType: 'application/x-tar' }
}
