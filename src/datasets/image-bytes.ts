/** Reads the encoded bytes of a picture of a data set, wherever they are. */
import { readFile } from 'node:fs/promises'
import type { LabelledImage } from './labelled-image.js'

export async function bytesOf({ source }: Pick<LabelledImage, 'source'>): Promise<Uint8Array> {
  return 'bytes' in source ? source.bytes : readFile(source.path)
}
