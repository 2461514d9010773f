/** The pictures that an evaluation stores, as one upload: a tar whose manifest gives each its id and its label. */
import type { Readable } from 'node:stream'
import { writtenTar } from '../../clients/typescript/src/folder.js'
import { bytesOf } from '../datasets/image-bytes.js'
import type { LabelledImage } from '../datasets/labelled-image.js'

export function archiveOf(images: readonly LabelledImage[]): Readable {
  return writtenTar(async (add) => {
    // a path cannot carry every label, nor an id with folders beside the label
    const rows = images.map(({ id, label }, file) => JSON.stringify({ file: `${file}`, id, label }))
    await add('manifest.ndjson', Buffer.from(rows.join('\n')))
    for (const [file, image] of images.entries()) {
      // the service reports files of the manifest that are not there as failed
      const bytes = await bytesOf(image).catch(() => undefined)
      if (bytes !== undefined) await add(`${file}`, Buffer.from(bytes))
    }
  })
}
