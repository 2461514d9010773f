/** Reads the encoded bytes of a picture of a data set, wherever they are. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { LabelledImage } from './labelled-image.js'

export async function bytesOf({ source }: Pick<LabelledImage, 'source'>): Promise<Uint8Array> {
  return 'bytes' in source ? source.bytes : readFile(source.path)
}

/** SHA-256, hex; undefined if the picture cannot be read. */
export const bytesHashOf = (image: Pick<LabelledImage, 'source'>): Promise<string | undefined> =>
  bytesOf(image).then(
    (bytes) => createHash('sha256').update(bytes).digest('hex'),
    () => undefined,
  )
